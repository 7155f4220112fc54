#include "roles/backend/vault/keyring.h"

#include <cassert>

#include "core/crypto/secret.h"
#include "core/runtime/runtime.h"
#include "core/server/store_status.h"
#include "core/store/store.h"
#include "roles/api/reasons.h"
#include "roles/backend/accounts/schema.h"

namespace babilu::backend {

using rpc::Status;

namespace {

constexpr std::uint32_t signing_key_version = 1;

struct SealedKey {
  std::uint32_t version;
  Bytes sealed;
};

struct SealedKeys {
  Bytes signing_seed;
  std::vector<SealedKey> encryption;
};

std::optional<SealedKeys> read_keys(store::Snapshot& snapshot, std::uint64_t account) {
  auto seed = snapshot.find<Bytes>("select sealed_signing_seed from account where id = ?", account);
  if (!seed) return std::nullopt;
  SealedKeys keys{std::move(*seed), {}};
  for (auto& [version, sealed] : snapshot.query<std::uint32_t, Bytes>(
           "select version, sealed from account_key where account = ? order by version", account)) {
    keys.encryption.push_back({version, std::move(sealed)});
  }
  return keys;
}

Status key_does_not_open() {
  return {api::reasons.key_does_not_open,
          "a key of this account does not open: is this the master key it was made with?"};
}

rpc::Outcome<Keyring::Keys> open_keys(const Deployment& deployment, std::uint64_t account,
                                      const SealedKeys& sealed) {
  auto seed = deployment.open_key(KeyPurpose::signing_seed, account, signing_key_version,
                                  sealed.signing_seed);
  if (!seed || sealed.encryption.empty()) return key_does_not_open();
  auto keys = std::make_shared<AccountKeys>(AccountKeys{crypto::KeyPair::from_seed(*seed), {}, 0});
  for (const SealedKey& key : sealed.encryption) {
    auto opened = deployment.open_key(KeyPurpose::encryption, account, key.version, key.sealed);
    if (!opened) return key_does_not_open();
    keys->encryption.emplace(key.version, crypto::Aead(*opened));
    keys->newest = key.version;
  }
  return keys;
}

/// A share of the uses of the newest key, or of a new version when that one is used up.
struct Lease {
  std::uint64_t account;
  std::int64_t uses;
  std::int64_t most_uses;
  SealedKey next;  // becomes the new version, if there must be one
  store::WallTime now;

  /// The version that was leased; nothing when `next` no longer follows the newest: look again.
  std::optional<std::uint32_t> take(store::Transaction& transaction) const {
    auto newest = transaction.find<std::uint32_t, std::int64_t>(
        "select version, leased from account_key where account = ? order by version desc limit 1",
        account);
    if (!newest) return std::nullopt;
    auto [version, leased] = *newest;
    if (leased + uses > most_uses) {
      if (next.version != version + 1) return std::nullopt;
      version = next.version;
      transaction.execute(
          "insert into account_key (account, version, sealed, created) values (?, ?, ?, ?)",
          account, version, next.sealed, now);
    }
    transaction.execute(
        "update account_key set leased = leased + ? where account = ? and version = ?", uses,
        account, version);
    return version;
  }
};

}  // namespace

void Keyring::check_store() const {
  store_.require(account_schema);
}

task<rpc::Outcome<Keyring::Keys>> Keyring::open(rpc::Call& call, std::uint64_t account) {
  const Entry* entry = find(account);
  if (entry != nullptr && call.runtime.now() < entry->loaded + options_.fresh) {
    co_return entry->keys;
  }
  co_return co_await load(call, account);
}

task<rpc::Outcome<Keyring::Keys>> Keyring::open_version(rpc::Call& call, std::uint64_t account,
                                                        std::uint32_t version) {
  auto keys = co_await open(call, account);
  if (!keys || version <= (*keys)->newest) co_return keys;
  co_return co_await load(call, account);
}

task<rpc::Outcome<Keyring::Keys>> Keyring::load(rpc::Call& call, std::uint64_t account) {
  auto look = [account](store::Snapshot& snapshot) { return read_keys(snapshot, account); };
  auto sealed = co_await store_.read(call.runtime, std::move(look), call.deadline);
  if (!sealed) co_return server::to_status(sealed.error());
  if (!*sealed) co_return Status(api::reasons.account_unknown, "the account does not exist");
  auto keys = open_keys(deployment_, account, **sealed);
  if (!keys) co_return keys.error();
  co_return keep(account, std::move(*keys), call.runtime.now()).keys;
}

task<rpc::Outcome<Keyring::Keys>> Keyring::open_to_encrypt(rpc::Call& call, std::uint64_t account) {
  // Others may use the lease up, or take the entry's place, while this one waits for it.
  for (;;) {
    auto keys = co_await open(call, account);
    if (!keys) co_return keys.error();
    Entry* entry = find(account);
    if (entry != nullptr && entry->uses_left > 0 && entry->leased_version == entry->keys->newest) {
      --entry->uses_left;
      co_return entry->keys;
    }
    const Status leased = co_await take_lease(call, account, (*keys)->newest);
    if (!leased.ok()) co_return leased;
  }
}

task<rpc::Status> Keyring::take_lease(rpc::Call& call, std::uint64_t account,
                                      std::uint32_t newest) {
  Random& random = call.runtime.random();
  const Secret next_key = crypto::random_secret(random, 32);
  const std::uint32_t next = newest + 1;
  Lease lease{
      .account = account,
      .uses = options_.lease,
      .most_uses = options_.most_uses,
      .next = {next, deployment_.seal_key(KeyPurpose::encryption, account, next, next_key, random)},
      .now = call.runtime.clock().wall()};
  auto take = [lease = std::move(lease)](store::Transaction& transaction) {
    return store::commit(lease.take(transaction));
  };
  auto version = co_await store_.write(call.runtime, std::move(take), call.deadline);
  if (!version) co_return server::to_status(version.error());
  if (Entry* entry = find(account)) {
    if (*version) {
      entry->leased_version = **version;
      entry->uses_left = options_.lease;
    }
    // A version that is not known here has to be read first.
    if (*version != entry->keys->newest) entry->loaded = call.runtime.now() - options_.fresh;
  }
  co_return Status{};
}

Keyring::Entry* Keyring::find(std::uint64_t account) {
  const auto found = by_account_.find(account);
  if (found == by_account_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front();
}

Keyring::Entry& Keyring::keep(std::uint64_t account, Keys keys, Clock::time_point now) {
  if (Entry* entry = find(account)) {
    entry->keys = std::move(keys);
    entry->loaded = now;
    return *entry;
  }
  entries_.push_front({.account = account, .keys = std::move(keys), .loaded = now});
  by_account_[account] = entries_.begin();
  if (entries_.size() > options_.accounts) {
    by_account_.erase(entries_.back().account);
    entries_.pop_back();
  }
  assert(entries_.size() == by_account_.size());
  return entries_.front();
}

}  // namespace babilu::backend
