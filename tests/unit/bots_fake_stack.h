#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/crypto/signature.h"
#include "core/rpc/session.h"
#include "core/sim/world.h"
#include "roles/api/echo.pb.h"
#include "roles/api/identity.pb.h"
#include "roles/api/methods.h"
#include "roles/api/registry.pb.h"
#include "roles/api/vault.pb.h"
#include "tests/support/status.h"
#include "tools/bots/run.h"

namespace babilu::bots {

/// How a fake stack lies.
struct Lies {
  int lose_every = 0;        ///< of so many sign-ups one is acknowledged and forgotten
  int share_id_every = 0;    ///< one of so many gets the id of the account before it
  bool ignore_keys = false;  ///< sign-ups and logins take effect each time they are sent
  bool give_names_twice = false;
  bool decrypt_wrongly = false;
  bool forget_keys = false;  ///< what was encrypted cannot be decrypted
  bool echo_wrongly = false;
  bool encrypt_not = false;
  bool verify_everything = false;
  bool verify_nothing = false;
  bool confuse_logins = false;  ///< gives the id of somebody else
  bool lose_keys = false;       ///< knows no key for what was encrypted
  bool sign_wrongly = false;
  bool tell_of_another = false;  ///< whoami gives somebody else's key
};

/// All services of a stack, in memory, honest but for its lies; real signatures, toy encryption.
class FakeStack {
 public:
  explicit FakeStack(Lies told = {}) : lies(told) {
    api::offer<api::Echo>(table);
    api::offer<api::Registry>(table);
    api::offer<api::Identity>(table);
    api::offer<api::Vault>(table);
    rpc::add(table, api::Echo::echo, this, &FakeStack::echo);
    rpc::add(table, api::Registry::sign_up, this, &FakeStack::sign_up);
    rpc::add(table, api::Identity::login, this, &FakeStack::login);
    rpc::add(table, api::Identity::whoami, this, &FakeStack::whoami);
    rpc::add(table, api::Identity::verify, this, &FakeStack::verify);
    rpc::add(table, api::Vault::encrypt, this, &FakeStack::encrypt);
    rpc::add(table, api::Vault::decrypt, this, &FakeStack::decrypt);
    rpc::add(table, api::Vault::sign, this, &FakeStack::sign);
  }

  Lies lies;
  rpc::ServiceTable table;
  Clock::duration work{std::chrono::microseconds(300)};  ///< what each request takes
  /// Nothing is answered between these moments.
  Clock::time_point stall_from{Clock::time_point::max()};
  Clock::time_point stall_to{};
  /// Tokens that were given before this moment are worth nothing after it.
  Clock::time_point forget_tokens_at{Clock::time_point::max()};
  /// Nobody logs in from this moment on.
  Clock::time_point refuse_logins_at{Clock::time_point::max()};
  /// A client that gets no answers.
  std::string silent_to;
  /// Everything is refused while it is set.
  rpc::Status refusal;
  /// When positive, that many sign-ups take effect and are not answered.
  int swallow_answers = 0;
  std::uint64_t requests = 0;
  std::map<std::string, std::uint64_t> requests_of;  ///< by client
  std::size_t accounts() const { return accounts_.size(); }

 private:
  struct Account {
    std::string name;
    std::string password;
    std::uint64_t id;
    crypto::KeyPair key;
  };
  template <class T>
  using Answer = task<rpc::Outcome<T>>;

  static rpc::Status status(rpc::Code code, const char* reason) {
    return test::status(code, reason, "fake");
  }
  task<rpc::Status> admit(rpc::Call& call) {
    ++requests;
    ++requests_of[std::string(call.client_address)];
    if (call.client_address == silent_to) {
      co_await call.runtime.sleep_until(call.deadline + std::chrono::seconds(1));
    }
    const auto now = call.runtime.now();
    if (now >= stall_from && now < stall_to) co_await call.runtime.sleep_until(stall_to);
    co_await call.runtime.sleep_for(work);
    co_return refusal;
  }
  Account* by_token(rpc::Call& call) {
    const std::size_t slash = std::min(call.token.find('/'), call.token.size());
    const auto found = accounts_.find(std::string(call.token.substr(0, slash)));
    if (found == accounts_.end()) return nullptr;
    const std::string given(call.token.substr(std::min(slash + 1, call.token.size())));
    const bool forgotten = call.runtime.now() >= forget_tokens_at &&
                           Clock::time_point(Clock::duration(std::stoll(given))) < forget_tokens_at;
    return forgotten ? nullptr : &found->second;
  }
  static std::string toggled(std::string text) {
    for (char& c : text) c = static_cast<char>(c ^ 0x5a);
    return text;
  }

  Answer<api::EchoReply> echo(rpc::Call& call, const api::EchoRequest& request) {
    const rpc::Status refused = co_await admit(call);
    if (!refused.ok()) co_return refused;
    api::EchoReply reply;
    reply.set_payload(lies.echo_wrongly ? "something else" : request.payload());
    co_return reply;
  }

  Answer<api::SignUpReply> sign_up(rpc::Call& call, const api::SignUpRequest& request) {
    const rpc::Status refused = co_await admit(call);
    if (!refused.ok()) co_return refused;
    const std::string key(call.idempotency_key);
    if (!lies.ignore_keys && sign_ups_.contains(key)) co_return sign_ups_[key];
    if (accounts_.contains(request.name()) && !lies.give_names_twice && !lies.ignore_keys) {
      co_return status(rpc::Code::already_exists, "name_taken");
    }
    const bool share = lies.share_id_every > 0 && ++shares_ % lies.share_id_every == 0;
    const std::uint64_t id = share ? last_id_ : ++last_id_;
    Account account{request.name(), request.password(), id,
                    crypto::KeyPair::generate(call.runtime.random())};
    api::SignUpReply reply;
    reply.set_account_id(id);
    reply.set_signing_key(std::string(text_of(account.key.public_key())));
    sign_ups_[key] = reply;
    const bool lose = lies.lose_every > 0 && ++losses_ % lies.lose_every == 0;
    if (!lose) accounts_.insert_or_assign(request.name(), std::move(account));
    if (swallow_answers > 0) {
      --swallow_answers;
      co_await call.runtime.sleep_until(call.deadline + std::chrono::seconds(1));
    }
    co_return reply;
  }

  Answer<api::LoginReply> login(rpc::Call& call, const api::LoginRequest& request) {
    const rpc::Status refused = co_await admit(call);
    if (!refused.ok()) co_return refused;
    const std::string key(call.idempotency_key);
    if (!lies.ignore_keys && logins_.contains(key)) co_return logins_[key];
    const auto found = accounts_.find(request.name());
    const bool refuses = call.runtime.now() >= refuse_logins_at;
    if (refuses || found == accounts_.end() || found->second.password != request.password()) {
      co_return status(rpc::Code::unauthenticated, "wrong_credentials");
    }
    api::LoginReply reply;
    // When it was given, and then which one it is.
    reply.set_token(request.name() + "/" +
                    std::to_string(call.runtime.now().time_since_epoch().count()) + "/" +
                    std::to_string(++tokens_));
    reply.set_account_id(found->second.id + (lies.confuse_logins ? 1 : 0));
    logins_[key] = reply;
    co_return reply;
  }

  Answer<api::WhoamiReply> whoami(rpc::Call& call, const api::WhoamiRequest&) {
    const rpc::Status refused = co_await admit(call);
    if (!refused.ok()) co_return refused;
    const Account* account = by_token(call);
    if (account == nullptr) co_return status(rpc::Code::unauthenticated, "token_forged");
    api::WhoamiReply reply;
    reply.set_name(account->name);
    reply.set_account_id(account->id);
    reply.set_signing_key(std::string(text_of(account->key.public_key())));
    if (lies.tell_of_another) reply.mutable_signing_key()->front() ^= 1;
    co_return reply;
  }

  Answer<api::VerifyReply> verify(rpc::Call& call, const api::VerifyRequest& request) {
    const rpc::Status refused = co_await admit(call);
    if (!refused.ok()) co_return refused;
    const auto found = accounts_.find(request.name());
    if (found == accounts_.end()) co_return status(rpc::Code::not_found, "account_unknown");
    api::VerifyReply reply;
    const bool valid = crypto::verify(found->second.key.public_key(), bytes_of(request.message()),
                                      bytes_of(request.signature()));
    reply.set_valid((valid && !lies.verify_nothing) || lies.verify_everything);
    co_return reply;
  }

  Answer<api::EncryptReply> encrypt(rpc::Call& call, const api::EncryptRequest& request) {
    const rpc::Status refused = co_await admit(call);
    if (!refused.ok()) co_return refused;
    if (by_token(call) == nullptr) co_return status(rpc::Code::unauthenticated, "token_forged");
    api::EncryptReply reply;
    reply.set_ciphertext("sealed:" +
                         (lies.encrypt_not ? request.plaintext() : toggled(request.plaintext())));
    co_return reply;
  }

  Answer<api::DecryptReply> decrypt(rpc::Call& call, const api::DecryptRequest& request) {
    const rpc::Status refused = co_await admit(call);
    if (!refused.ok()) co_return refused;
    if (by_token(call) == nullptr) co_return status(rpc::Code::unauthenticated, "token_forged");
    if (lies.lose_keys) co_return status(rpc::Code::not_found, "key_unknown");
    if (lies.forget_keys) co_return status(rpc::Code::invalid_argument, "ciphertext_corrupt");
    api::DecryptReply reply;
    reply.set_plaintext(toggled(request.ciphertext().substr(7)) +
                        (lies.decrypt_wrongly ? "!" : ""));
    co_return reply;
  }

  Answer<api::SignReply> sign(rpc::Call& call, const api::SignRequest& request) {
    const rpc::Status refused = co_await admit(call);
    if (!refused.ok()) co_return refused;
    const Account* account = by_token(call);
    if (account == nullptr) co_return status(rpc::Code::unauthenticated, "token_forged");
    api::SignReply reply;
    reply.set_signature(std::string(text_of(account->key.sign(bytes_of(request.message())))));
    if (lies.sign_wrongly) reply.mutable_signature()->front() ^= 1;
    reply.set_signing_key(std::string(text_of(account->key.public_key())));
    co_return reply;
  }

  std::map<std::string, Account> accounts_;
  std::map<std::string, api::SignUpReply> sign_ups_;
  std::map<std::string, api::LoginReply> logins_;
  std::uint64_t last_id_ = 0;
  std::uint64_t tokens_ = 0;
  int shares_ = 0;
  int losses_ = 0;
};

/// A fake stack that listens at stack:7400 of a world.
class FakeServer {
 public:
  FakeServer(sim::World& world, FakeStack& stack)
      : runtime_(world.runtime()),
        stack_(stack),
        listener_(world.host("stack").listen({"stack", 7400}).value()),
        scope_(runtime_) {
    scope_.spawn("accept", accept());
  }
  task<> close() {
    listener_->close();
    scope_.cancel();
    co_await scope_.join();
  }

 private:
  task<> accept() {
    for (;;) {
      auto stream = co_await listener_->accept();
      if (!stream) co_return;
      scope_.spawn("session", serve(std::move(stream.value())));
    }
  }
  task<> serve(net::StreamPtr stream) {
    rpc::Session session(runtime_, std::move(stream), rpc::Side::listener, stack_.table, {});
    co_await session.run();
  }

  Runtime& runtime_;
  FakeStack& stack_;
  net::ListenerPtr listener_;
  Scope scope_;
};

/// What every run of these tests starts from.
inline BotsConfig test_config(Scenario scenario, std::uint32_t sessions) {
  BotsConfig config;
  config.target = {"stack:7400"};
  config.scenario = scenario;
  config.sessions = sessions;
  config.duration = std::chrono::milliseconds(300);
  return config;
}

inline task<> run_in(sim::World& world, FakeStack& stack, const BotsConfig& config,
                     Progress& progress, Stop& stop, Report& report) {
  FakeServer server(world, stack);
  net::Plaintext plaintext;
  report =
      co_await run_bots(world.runtime(), world.host("bots"), plaintext, config, progress, stop);
  co_await server.close();
}

/// A whole run against a fake stack on a virtual clock.
inline Report run_against(FakeStack& stack, const BotsConfig& config, std::uint64_t seed = 1) {
  sim::World world(seed);
  NoProgress progress;
  Stop stop(world.runtime());
  Report report;
  world.run(run_in(world, stack, config, progress, stop, report));
  return report;
}

}  // namespace babilu::bots
