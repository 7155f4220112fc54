#include "roles/peer/profile.h"

#include <cstdlib>

#include "core/runtime/runtime.h"
#include "roles/api/reasons.h"
#include "roles/peer/contact.h"
#include "roles/peer/schema.h"

namespace babilu::peer {

using rpc::Status;

namespace {

constexpr auto patience = std::chrono::seconds(10);

Status unusable(std::string message) {
  return {api::peer_reasons.profile, std::move(message)};
}

Status name_invalid(std::string_view name) {
  return {api::reasons.name_invalid,
          "\"" + std::string(name) +
              "\" cannot be a name: 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter "
              "or a digit"};
}

struct Owner {
  std::string name;
  Secret seed;
};

std::optional<Owner> find_owner(store::Snapshot& snapshot) {
  auto row = snapshot.find<std::string, Secret>("select name, seed from profile");
  if (!row) return std::nullopt;
  return Owner{std::move(std::get<0>(*row)), std::move(std::get<1>(*row))};
}

/// Who the profile belongs to; from now on `newcomer`, if it was nobody's.
Owner claim(store::Transaction& transaction, const Owner& newcomer, store::WallTime now) {
  if (auto owner = find_owner(transaction)) return std::move(*owner);
  transaction.execute("insert into profile (id, name, seed, created) values (1, ?, ?, ?)",
                      newcomer.name, newcomer.seed, now);
  return newcomer;
}

rpc::Outcome<std::unique_ptr<store::Store>> open_store(const std::filesystem::path& path) {
  store::StoreOptions options;
  options.path = path;
  options.kind = "peer";
  options.schemas = {profile_schema};
  options.readers = 1;
  auto store = store::Store::open(std::move(options));
  if (!store) return unusable(store.error().message);
  return std::move(*store);
}

}  // namespace

task<rpc::Outcome<std::unique_ptr<Profile>>> open_profile(Runtime& runtime,
                                                          std::filesystem::path path,
                                                          std::string name, IfMissing if_missing) {
  if (!name.empty() && !is_valid_name(name)) co_return name_invalid(name);
  std::error_code error;
  const bool may_make = !name.empty() && if_missing == IfMissing::make;
  if (!may_make && !std::filesystem::exists(path, error)) {
    co_return Status(api::peer_reasons.no_profile, "there is no profile " + path.string());
  }
  const bool is_new = !std::filesystem::exists(path, error);
  auto store = open_store(path);
  if (!store) co_return store.error();
  if (is_new) (*store)->checkpoint_soon();  // a copy of the file holds the identity

  const crypto::KeyPair fresh = crypto::KeyPair::generate(runtime.random());
  auto unit = [may_make, newcomer = Owner{name, fresh.seed()},
               now = runtime.clock().wall()](store::Transaction& transaction) {
    if (may_make) return store::commit(claim(transaction, newcomer, now));
    return store::commit(find_owner(transaction).value_or(Owner{}));
  };
  auto owner = co_await (*store)->write(runtime, std::move(unit), runtime.now() + patience,
                                        store::AfterLostCommit::run_again);
  if (!owner) co_return unusable(path.string() + ": " + owner.error().message);
  if (owner->name.empty()) {
    co_return Status(api::peer_reasons.no_profile, path.string() + " is nobody's profile yet");
  }
  if (!name.empty() && owner->name != name) {
    co_return Status(api::peer_reasons.other_profile, path.string() + " is the profile of " +
                                                          owner->name + ", not of " + name +
                                                          ": choose another --profile or --name");
  }
  co_return std::make_unique<Profile>(std::move(path), owner->name,
                                      crypto::KeyPair::from_seed(owner->seed), std::move(*store));
}

rpc::Outcome<std::filesystem::path> default_profile_path(std::string_view name) {
  if (!is_valid_name(name)) return name_invalid(name);
  const char* const data_home = std::getenv("XDG_DATA_HOME");
  const char* const home = std::getenv("HOME");
  std::filesystem::path directory;
  // A relative one is to be ignored (XDG Base Directory Specification).
  if (data_home != nullptr && data_home[0] == '/') {
    directory = data_home;
  } else if (home != nullptr && home[0] == '/') {
    directory = std::filesystem::path(home) / ".local" / "share";
  } else {
    return unusable("neither XDG_DATA_HOME nor HOME says where profiles are: use --profile FILE");
  }
  directory /= "babilu";
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) return unusable("cannot make " + directory.string() + ": " + error.message());
  return directory / (std::string(name) + ".db");
}

}  // namespace babilu::peer
