#include "roles/backend/registry/registry.h"

#include "core/crypto/secret.h"
#include "core/crypto/signature.h"
#include "core/server/once.h"
#include "roles/api/reasons.h"
#include "roles/api/registry.pb.h"
#include "roles/backend/accounts/rules.h"
#include "roles/backend/accounts/schema.h"

namespace babilu::backend {

using rpc::Status;

namespace {

using SignedUp = server::Effect<api::SignUpReply>;

constexpr std::uint32_t first_key_version = 1;

Status name_taken() {
  return {api::reasons.name_taken, "an account of this name exists; choose another"};
}

std::uint64_t random_account_id(Random& random) {
  // Positive and random: it tells nothing about how many accounts there are.
  std::uint64_t id = 0;
  while (id == 0) {
    crypto::fill_random(random, {reinterpret_cast<std::uint8_t*>(&id), sizeof id});
    id >>= 1;
  }
  return id;
}

/// A new account, with all that is written about it.
struct NewAccount {
  std::uint64_t id;
  std::string name;
  std::string password;
  crypto::PublicKey signing_key;
  Bytes sealed_signing_seed;
  Bytes sealed_encryption_key;
  store::WallTime now;

  SignedUp::Verdict insert(store::Transaction& transaction) const {
    const auto inserted = transaction.execute(
        "insert into account (id, name, password, signing_key, sealed_signing_seed, created)"
        " values (?, ?, ?, ?, ?, ?) on conflict (name) do nothing",
        id, name, password, signing_key, sealed_signing_seed, now);
    if (inserted == 0) return SignedUp::refused(name_taken());
    transaction.execute(
        "insert into account_key (account, version, sealed, created) values (?, ?, ?, ?)", id,
        first_key_version, sealed_encryption_key, now);
    api::SignUpReply reply;
    reply.set_account_id(id);
    reply.set_signing_key(signing_key.data(), signing_key.size());
    return SignedUp::done(std::move(reply), id);
  }
};

NewAccount make_account(Runtime& runtime, const Deployment& deployment, std::string name,
                        std::string password_hash) {
  Random& random = runtime.random();
  const std::uint64_t id = random_account_id(random);
  const crypto::KeyPair signing = crypto::KeyPair::generate(random);
  const Secret encryption = crypto::random_secret(random, 32);
  return {.id = id,
          .name = std::move(name),
          .password = std::move(password_hash),
          .signing_key = signing.public_key(),
          .sealed_signing_seed = deployment.seal_key(KeyPurpose::signing_seed, id,
                                                     first_key_version, signing.seed(), random),
          .sealed_encryption_key = deployment.seal_key(KeyPurpose::encryption, id,
                                                       first_key_version, encryption, random),
          .now = runtime.clock().wall()};
}

}  // namespace

void Registry::offer(rpc::ServiceTable& table) {
  store_.require(account_schema);
  api::offer<api::Registry>(table);
  rpc::add(table, api::Registry::sign_up, this, &Registry::sign_up);
}

task<rpc::Outcome<rpc::Encoded<api::SignUpReply>>> Registry::sign_up(
    rpc::Call& call, const api::SignUpRequest& request) {
  if (Status status = check_name(request.name()); !status.ok()) co_return status;
  if (Status status = check_password(request.password()); !status.ok()) co_return status;

  // Asked here only to spare the password's hash; the insert decides.
  auto is_free = [name = request.name()](store::Snapshot& snapshot) -> rpc::Outcome<bool> {
    if (snapshot.find<std::uint64_t>("select id from account where name = ?", name)) {
      return name_taken();
    }
    return true;
  };
  server::Once<api::SignUpReply> once(store_, call);
  const auto free = co_await once.look(std::move(is_free));
  if (!free) co_return once.answer();

  auto hash = co_await passwords_.hash(call, request.password());
  if (!hash) co_return hash.error();

  auto insert = [account =
                     make_account(call.runtime, deployment_, request.name(), std::move(*hash))](
                    store::Transaction& transaction) { return account.insert(transaction); };
  co_return co_await once.write(std::move(insert));
}

}  // namespace babilu::backend
