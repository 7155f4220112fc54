#include "roles/backend/identity/identity.h"

#include "core/crypto/signature.h"
#include "core/server/once.h"
#include "roles/api/identity.pb.h"
#include "roles/api/reasons.h"
#include "roles/backend/accounts/rules.h"
#include "roles/backend/accounts/schema.h"

namespace babilu::backend {

using rpc::Status;

struct Identity::Account {
  std::uint64_t id;
  std::string password;
  Deployment::AddressDigest address;  ///< of the client that wants to log in
  Lockout::Standing standing;

  static std::optional<Account> find(store::Snapshot& snapshot, const std::string& name,
                                     const Deployment::AddressDigest& address) {
    auto row = snapshot.find<std::uint64_t, std::string, store::WallTime, store::WallTime, bool>(
        "select id, password, account.locked_until, coalesce(there.locked_until, 0),"
        " coalesce(there.logged_in, 0) > 0 from account left join account_address there"
        " on there.account = account.id and there.address = ? where name = ?",
        address, name);
    if (!row) return std::nullopt;
    auto& [id, password, account_locked, address_locked, known] = *row;
    return Account{id, std::move(password), address, {account_locked, address_locked, known}};
  }
};

namespace {

using LoggedIn = server::Effect<api::LoginReply>;

Status wrong_credentials() {
  return {api::reasons.wrong_credentials, "name or password is wrong"};
}

Status too_many_failures(std::chrono::milliseconds left) {
  Status status(api::reasons.too_many_failures,
                "too many logins for this account failed from where you are; wait");
  status.retry_after = left;
  return status;
}

}  // namespace

void Identity::offer(rpc::ServiceTable& table) {
  store_.require(account_schema);
  api::offer<api::Identity>(table);
  rpc::add(table, api::Identity::login, this, &Identity::login);
  rpc::add(table, api::Identity::whoami, this, &Identity::whoami);
  rpc::add(table, api::Identity::verify, this, &Identity::verify);
}

task<rpc::Outcome<rpc::Encoded<api::LoginReply>>> Identity::login(
    rpc::Call& call, const api::LoginRequest& request) {
  // What no account can have is not worth a password's hash.
  if (!check_name(request.name()).ok() || !check_password(request.password()).ok()) {
    co_return wrong_credentials();
  }
  const auto address =
      deployment_.address_digest(request.name(), share_of(call.client_address).name);
  auto find = [name = request.name(), address](store::Snapshot& snapshot) {
    return rpc::Outcome<std::optional<Account>>(Account::find(snapshot, name, address));
  };
  server::Once<api::LoginReply> once(store_, call);
  const auto found = co_await once.look(std::move(find));
  if (!found) co_return once.answer();

  const std::optional<Account>& account = *found;
  std::optional<std::string> stored;
  if (account) {
    const auto left = lockout_.time_left(account->standing, call.runtime.clock().wall());
    if (left.count() > 0) co_return too_many_failures(left);
    stored = account->password;
  }
  auto matches = co_await passwords_.matches(call, request.password(), stored);
  if (!matches) co_return matches.error();
  if (!account) co_return wrong_credentials();
  if (!*matches) co_return co_await count_failure(call, *account);

  auto new_hash = co_await rehash(call, request.password(), *stored);
  co_return co_await admit(once, call, *account, std::move(new_hash));
}

task<std::optional<std::string>> Identity::rehash(rpc::Call& call, const std::string& password,
                                                  const std::string& stored) {
  if (!passwords_.outdated(stored)) co_return std::nullopt;
  auto hash = co_await passwords_.hash(call, password);
  if (!hash) co_return std::nullopt;
  co_return std::move(*hash);
}

task<rpc::Outcome<rpc::Encoded<api::LoginReply>>> Identity::admit(
    server::Once<api::LoginReply>& once, rpc::Call& call, const Account& account,
    std::optional<std::string> new_hash) {
  const auto now = call.runtime.clock().wall();
  const auto expires = std::chrono::floor<std::chrono::seconds>(now) + options_.token_lifetime;
  const Secret token = tokens_.issue(account.id, expires, call.runtime.random());
  api::LoginReply reply;
  reply.set_token(token.data(), token.size());
  reply.set_expires(static_cast<std::uint64_t>(expires.time_since_epoch().count()));
  reply.set_account_id(account.id);
  auto forgive = [id = account.id, address = account.address, old_hash = account.password,
                  new_hash = std::move(new_hash), reply = std::move(reply), now,
                  lockout = lockout_](store::Transaction& transaction) {
    const auto left = lockout.time_left(transaction, id, address, now);
    if (left.count() > 0) return LoggedIn::refused(too_many_failures(left));
    lockout.succeeded(transaction, id, address, now);
    if (new_hash) {
      // Not over a password that was changed meanwhile.
      transaction.execute("update account set password = ? where id = ? and password = ?",
                          *new_hash, id, old_hash);
    }
    return LoggedIn::done(reply, id);
  };
  co_return co_await once.write(std::move(forgive));
}

task<rpc::Status> Identity::count_failure(rpc::Call& call, const Account& account) {
  auto count = [id = account.id, address = account.address, now = call.runtime.clock().wall(),
                lockout = lockout_](store::Transaction& transaction) {
    const auto left = lockout.time_left(transaction, id, address, now);
    if (left.count() == 0) lockout.failed(transaction, id, address, now);
    return store::commit(left);
  };
  auto counted = co_await store_.write(call.runtime, std::move(count), call.deadline);
  // Uncounted is unanswered: else a full disk would let passwords be guessed without limit.
  if (!counted) co_return server::to_status(counted.error());
  if (counted->count() > 0) co_return too_many_failures(*counted);
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
  if (!found) co_return server::to_status(found.error());
  if (!*found) co_return Status(api::reasons.account_unknown, "the account does not exist");
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
    co_return Status(api::reasons.signature_length, "a signature has 64 bytes");
  }
  auto look = [name = request.name()](store::Snapshot& snapshot) {
    return snapshot.find<crypto::PublicKey>("select signing_key from account where name = ?", name);
  };
  auto key = co_await store_.read(call.runtime, std::move(look), call.deadline);
  if (!key) co_return server::to_status(key.error());
  if (!*key) co_return Status(api::reasons.account_unknown, "there is no such account");
  api::VerifyReply reply;
  reply.set_valid(
      crypto::verify(**key, bytes_of(request.message()), bytes_of(request.signature())));
  co_return reply;
}

}  // namespace babilu::backend
