#include "roles/backend/identity/identity.h"

#include "core/crypto/signature.h"
#include "roles/api/identity.pb.h"
#include "roles/backend/accounts/rules.h"
#include "roles/backend/accounts/schema.h"
#include "roles/backend/effect.h"

namespace babilu::backend {

using rpc::Code;
using rpc::Status;

struct Identity::Account {
  std::uint64_t id;
  std::string password;
  store::WallTime locked_until;
};

namespace {

Status wrong_credentials() {
  return {Code::unauthenticated, "wrong_credentials", "name or password is wrong"};
}

Status too_many_failures(std::chrono::milliseconds left) {
  Status status(Code::resource_exhausted, "too_many_failures",
                "too many logins failed for this account; wait");
  status.retry_after = left;
  return status;
}

rpc::Outcome<api::LoginReply> decoded(const Bytes& message) {
  api::LoginReply reply;
  if (!rpc::decode(message, reply)) return Status(Code::internal, "bad_reply");
  return reply;
}

}  // namespace

void Identity::offer(rpc::ServiceTable& table) {
  store_.require(account_schema);
  api::offer<api::Identity>(table);
  rpc::add(table, api::Identity::login, this, &Identity::login);
  rpc::add(table, api::Identity::whoami, this, &Identity::whoami);
  rpc::add(table, api::Identity::verify, this, &Identity::verify);
}

task<rpc::Outcome<api::LoginReply>> Identity::login(rpc::Call& call,
                                                    const api::LoginRequest& request) {
  // What no account can have is not worth a password's hash.
  if (!check_name(request.name()).ok() || !check_password(request.password()).ok()) {
    co_return wrong_credentials();
  }
  auto kept = co_await recall_reply(store_, call);
  if (!kept) co_return kept.error();
  if (*kept) co_return decoded(**kept);

  auto account = co_await find_account(call, request.name());
  if (!account) co_return account.error();
  std::optional<std::string> stored;
  if (*account) {
    const auto left = (*account)->locked_until - call.runtime.clock().wall();
    if (left.count() > 0) {
      co_return too_many_failures(std::chrono::ceil<std::chrono::milliseconds>(left));
    }
    stored = (*account)->password;
  }
  auto matches =
      co_await passwords_.matches(call.runtime, request.password(), stored, call.deadline);
  if (!matches) co_return passwords_.explain(matches.error());
  if (!*account) co_return wrong_credentials();
  if (!*matches) co_return co_await count_failure(call, (*account)->id);

  auto new_hash = co_await rehash(call, request.password(), *stored);
  auto reply = co_await admit(call, **account, std::move(new_hash));
  if (!reply) co_return reply.error();
  co_return decoded(*reply);
}

task<rpc::Outcome<std::optional<Identity::Account>>> Identity::find_account(rpc::Call& call,
                                                                            std::string name) {
  auto look = [name = std::move(name)](store::Snapshot& snapshot) -> std::optional<Account> {
    auto row = snapshot.find<std::uint64_t, std::string, store::WallTime>(
        "select id, password, locked_until from account where name = ?", name);
    if (!row) return std::nullopt;
    auto& [id, password, locked_until] = *row;
    return Account{id, std::move(password), locked_until};
  };
  auto found = co_await store_.read(call.runtime, std::move(look), call.deadline);
  if (!found) co_return to_status(found.error());
  co_return std::move(*found);
}

task<std::optional<std::string>> Identity::rehash(rpc::Call& call, const std::string& password,
                                                  const std::string& stored) {
  if (!passwords_.outdated(stored)) co_return std::nullopt;
  auto hash = co_await passwords_.hash(call.runtime, password, call.deadline);
  if (!hash) co_return std::nullopt;
  co_return std::move(*hash);
}

task<rpc::Outcome<Bytes>> Identity::admit(rpc::Call& call, const Account& account,
                                          std::optional<std::string> new_hash) {
  const auto now = std::chrono::floor<std::chrono::seconds>(call.runtime.clock().wall());
  const auto expires = now + options_.token_lifetime;
  const Secret token = tokens_.issue(account.id, expires, call.runtime.random());
  api::LoginReply reply;
  reply.set_token(token.data(), token.size());
  reply.set_expires(static_cast<std::uint64_t>(expires.time_since_epoch().count()));
  reply.set_account_id(account.id);
  auto forgive = [id = account.id, old_hash = account.password, new_hash = std::move(new_hash),
                  message = rpc::encode(reply)](store::Transaction& transaction) {
    transaction.execute("update account set failures = 0 where id = ? and failures > 0", id);
    if (new_hash) {
      // Not over a password that was changed meanwhile.
      transaction.execute("update account set password = ? where id = ? and password = ?",
                          *new_hash, id, old_hash);
    }
    return Effect::done(message, id);
  };
  co_return co_await do_once(store_, call, std::move(forgive));
}

task<rpc::Status> Identity::count_failure(rpc::Call& call, std::uint64_t account) {
  const auto lock_until = call.runtime.clock().wall() + options_.lock_time;
  auto count = [account, lock_until,
                most = options_.most_failures](store::Transaction& transaction) {
    transaction.execute(
        "update account set"
        " locked_until = case when failures + 1 >= ? then ? else locked_until end,"
        " failures = case when failures + 1 >= ? then 0 else failures + 1 end where id = ?",
        most, lock_until, most, account);
    return store::commit();
  };
  auto counted = co_await store_.write(call.runtime, std::move(count), call.deadline);
  // Uncounted is unanswered: else a full disk would let passwords be guessed without limit.
  if (!counted) co_return to_status(counted.error());
  co_return wrong_credentials();
}

task<rpc::Outcome<api::WhoamiReply>> Identity::whoami(rpc::Call& call, const api::WhoamiRequest&) {
  const auto who = tokens_.check(call.token, call.runtime.clock().wall());
  if (!who) co_return who.error();
  auto look = [id = who->account](store::Snapshot& snapshot) {
    return snapshot.find<std::string, Bytes>("select name, signing_key from account where id = ?",
                                             id);
  };
  auto found = co_await store_.read(call.runtime, std::move(look), call.deadline);
  if (!found) co_return to_status(found.error());
  if (!*found) co_return Status(Code::not_found, "account_unknown", "the account does not exist");
  const auto& [name, signing_key] = **found;
  api::WhoamiReply reply;
  reply.set_name(name);
  reply.set_account_id(who->account);
  reply.set_expires(static_cast<std::uint64_t>(who->expires.time_since_epoch().count()));
  reply.set_signing_key(signing_key.data(), signing_key.size());
  co_return reply;
}

task<rpc::Outcome<api::VerifyReply>> Identity::verify(rpc::Call& call,
                                                      const api::VerifyRequest& request) {
  if (request.signature().size() != crypto::Signature{}.size()) {
    co_return Status(Code::invalid_argument, "signature_length", "a signature has 64 bytes");
  }
  auto look = [name = request.name()](store::Snapshot& snapshot) {
    return snapshot.find<crypto::PublicKey>("select signing_key from account where name = ?", name);
  };
  auto key = co_await store_.read(call.runtime, std::move(look), call.deadline);
  if (!key) co_return to_status(key.error());
  if (!*key) co_return Status(Code::not_found, "account_unknown", "there is no such account");
  api::VerifyReply reply;
  reply.set_valid(
      crypto::verify(**key, bytes_of(request.message()), bytes_of(request.signature())));
  co_return reply;
}

}  // namespace babilu::backend
