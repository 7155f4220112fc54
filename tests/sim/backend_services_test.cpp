// The services of backends that share a database: what is kept, for how long, and for whom.
#include <list>
#include <map>

#include <gtest/gtest.h>

#include "core/rpc/channel.h"
#include "core/store/idempotency.h"
#include "roles/api/identity.pb.h"
#include "roles/api/registry.pb.h"
#include "roles/api/vault.pb.h"
#include "roles/backend/accounts/schema.h"
#include "roles/backend/vault/ciphertext.h"
#include "tests/sim/stack.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using api::Identity;
using api::Registry;
using api::Vault;

/// A client of one backend, without a proxy in between.
class Direct {
 public:
  Direct(sim::World& world, const net::Address& backend, const std::string& host = "client")
      : runtime_(world.runtime()),
        channel_(runtime_, world.host(host), security_, {.targets = {backend}}) {
    channel_.start();
  }
  rpc::Channel& channel() noexcept { return channel_; }
  template <class Service, class Request, class Answer>
  task<rpc::Outcome<Answer>> call(const rpc::Method<Service, Request, Answer>& method,
                                  const Request& request, rpc::CallOptions options = {}) {
    options.deadline = runtime_.now() + 10s;
    rpc::Client<Service> client(channel_);
    co_return co_await client.call(method, request, options);
  }

 private:
  Runtime& runtime_;
  net::Plaintext security_;
  rpc::Channel channel_;
};

/// Two backends on one database, and a client of each.
struct Bench {
  explicit Bench(sim::World& its_world, const BackendNode::Options& options = {})
      : world(its_world),
        node_a(world, {"backend-a", 7401}, database(), options),
        node_b(world, {"backend-b", 7402}, database(), options),
        a(world, {"backend-a", 7401}),
        b(world, {"backend-b", 7402}),
        scope(world.runtime()) {
    scope.spawn("a", node_a.server().run());
    scope.spawn("b", node_b.server().run());
    store::StoreOptions store_options;
    store_options.path = database();
    store_options.kind = "backend";
    store_options.schemas = {backend::account_schema, store::idempotency_schema};
    store = store::Store::open(std::move(store_options)).value();
  }
  std::filesystem::path database() const { return directory.path() / "babilu.db"; }
  task<> sql(std::string statement) {
    auto unit = [statement](store::Transaction& transaction) {
      transaction.execute(statement);
      return store::commit();
    };
    const auto done = co_await store->write(world.runtime(), std::move(unit), no_deadline);
    EXPECT_TRUE(done) << done.error().to_string();
  }
  task<std::int64_t> number(std::string statement) {
    auto unit = [statement](store::Snapshot& snapshot) {
      return snapshot.find<std::int64_t>(statement).value_or(-1);
    };
    auto found = co_await store->read(world.runtime(), std::move(unit), no_deadline);
    EXPECT_TRUE(found) << found.error().to_string();
    co_return found ? *found : -1;
  }
  task<> end() {
    co_await a.channel().close();
    co_await b.channel().close();
    node_a.lifecycle().advance(Phase::draining);
    node_b.lifecycle().advance(Phase::draining);
    co_await scope.join();
  }

  TemporaryDirectory directory;
  sim::World& world;
  BackendNode node_a;
  BackendNode node_b;
  Direct a;
  Direct b;
  Scope scope;
  std::unique_ptr<store::Store> store;
};

task<> in_bench(sim::World& world, task<> (*test)(Bench&), BackendNode::Options options) {
  Bench bench(world, options);
  co_await test(bench);
  co_await bench.end();
}

void run(task<> (*test)(Bench&), BackendNode::Options options = {}) {
  sim::World world(5);
  world.run(in_bench(world, test, std::move(options)));
}

api::SignUpRequest sign_up(const std::string& name, const std::string& password = "correct horse") {
  api::SignUpRequest request;
  request.set_name(name);
  request.set_password(password);
  return request;
}

api::LoginRequest login(const std::string& name, const std::string& password = "correct horse") {
  api::LoginRequest request;
  request.set_name(name);
  request.set_password(password);
  return request;
}

template <class T>
std::string told(const rpc::Outcome<T>& outcome) {
  if (outcome) return "ok";
  return std::string(rpc::to_string(outcome.error().code)) + " " + outcome.error().reason;
}

struct Entered {
  std::uint64_t account = 0;
  std::string token;
};

task<Entered> enter(Direct& client, std::string name) {
  const auto made = co_await client.call(Registry::sign_up, sign_up(name));
  EXPECT_EQ(told(made), "ok");
  const auto entered = co_await client.call(Identity::login, login(name));
  EXPECT_EQ(told(entered), "ok");
  co_return Entered{made ? made->account_id() : 0, entered ? entered->token() : std::string()};
}

// Accounts.

task<> one_effect(Bench& bench) {
  const std::string key(32, 'k');
  const rpc::CallOptions keyed{.idempotency_key = key};
  const auto first = co_await bench.a.call(Registry::sign_up, sign_up("ada"), keyed);
  const auto again = co_await bench.b.call(Registry::sign_up, sign_up("ada"), keyed);
  EXPECT_EQ(told(first), "ok");
  EXPECT_EQ(told(again), "ok") << "at another backend, too";
  EXPECT_EQ(first.value().account_id(), again.value().account_id());
  EXPECT_EQ(first.value().signing_key(), again.value().signing_key());
  EXPECT_EQ(
      told(co_await bench.b.call(Registry::sign_up, sign_up("ada", "another password"), keyed)),
      "invalid_argument idempotency_conflict");
  EXPECT_EQ(told(co_await bench.b.call(Registry::sign_up, sign_up("ada"))),
            "already_exists name_taken");
  EXPECT_EQ(co_await bench.number("select count(*) from account"), 1);
  EXPECT_EQ(co_await bench.number("select count(*) from account_key where version = 1"), 1);
  const auto other = co_await bench.b.call(Registry::sign_up, sign_up("bob"));
  EXPECT_NE(other.value().account_id(), first.value().account_id());
  EXPECT_NE(other.value().signing_key(), first.value().signing_key());
  EXPECT_LE(other.value().account_id(), static_cast<std::uint64_t>(INT64_MAX)) << "it has to fit";
}
TEST(BackendAccounts, ASignUpHasOneEffectAtWhicheverBackendItArrives) {
  run(one_effect);
}

task<> refusals(Bench& bench) {
  const std::string key(32, 'k');
  const rpc::CallOptions keyed{.idempotency_key = key};
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  EXPECT_EQ(told(co_await bench.a.call(Registry::sign_up, sign_up("ada"), keyed)),
            "already_exists name_taken");
  co_await bench.sql("delete from account_key");
  co_await bench.sql("delete from account");
  EXPECT_EQ(told(co_await bench.a.call(Registry::sign_up, sign_up("ada"), keyed)), "ok");
}
TEST(BackendAccounts, ARefusalIsNotKept) {
  run(refusals);
}

task<> one_token(Bench& bench) {
  const std::string key(32, 'k');
  const rpc::CallOptions keyed{.idempotency_key = key};
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  const auto first = co_await bench.a.call(Identity::login, login("ada"), keyed);
  const auto again = co_await bench.b.call(Identity::login, login("ada"), keyed);
  EXPECT_EQ(first.value().SerializeAsString(), again.value().SerializeAsString());
  const auto fresh = co_await bench.a.call(Identity::login, login("ada"));
  EXPECT_NE(fresh.value().token(), first.value().token());
  EXPECT_EQ(fresh.value().account_id(), first.value().account_id());
  // Whoever holds the key gets what was given, though others have locked the account since.
  for (int i = 0; i < 10; ++i) {
    co_await bench.a.call(Identity::login, login("ada", "wrong password"));
  }
  EXPECT_EQ(told(co_await bench.b.call(Identity::login, login("ada"))),
            "resource_exhausted too_many_failures");
  EXPECT_EQ(told(co_await bench.b.call(Identity::login, login("ada"), keyed)), "ok");
}
TEST(BackendAccounts, ALoginSentTwiceGivesOneToken) {
  run(one_token);
}

task<> failures_in_a_row(Bench& bench) {
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  co_await bench.a.call(Registry::sign_up, sign_up("bob"));
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 9; ++i) {
      Direct& either = i % 2 == 0 ? bench.a : bench.b;
      EXPECT_EQ(told(co_await either.call(Identity::login, login("ada", "wrong password"))),
                "unauthenticated wrong_credentials");
    }
    EXPECT_EQ(told(co_await bench.a.call(Identity::login, login("ada"))), "ok")
        << "nine, and then the right one: they count anew";
  }
  for (int i = 0; i < 10; ++i) {
    Direct& either = i % 2 == 0 ? bench.a : bench.b;
    co_await either.call(Identity::login, login("ada", "wrong password"));
  }
  const auto locked = co_await bench.b.call(Identity::login, login("ada"));
  EXPECT_EQ(told(locked), "resource_exhausted too_many_failures") << "counted at both backends";
  EXPECT_LE(locked.error().retry_after, 60s);
  EXPECT_GE(locked.error().retry_after, 59s);
  EXPECT_EQ(told(co_await bench.b.call(Identity::login, login("bob"))), "ok") << "nobody else";
  co_await bench.world.runtime().sleep_for(61s);
  EXPECT_EQ(told(co_await bench.b.call(Identity::login, login("ada", "wrong password"))),
            "unauthenticated wrong_credentials");
  EXPECT_EQ(told(co_await bench.b.call(Identity::login, login("ada"))), "ok")
      << "one more wrong one does not lock it again";
}
TEST(BackendAccounts, OnlyFailuresInARowLockAndForAWhile) {
  run(failures_in_a_row);
}

/// A client of backend-a at another address.
struct Elsewhere {
  Elsewhere(Bench& bench, const std::string& host)
      : client(bench.world, {"backend-a", 7401}, host) {}
  task<std::string> try_login(std::string name, std::string password = "correct horse") {
    co_return told(co_await client.call(Identity::login, login(name, password)));
  }
  task<> guess(int times) {
    for (int i = 0; i < times; ++i) co_await try_login("ada", "wrong password");
  }
  task<> leave() { co_await client.channel().close(); }
  Direct client;
};

constexpr const char* entered = "ok";
constexpr const char* kept_out = "resource_exhausted too_many_failures";

task<> guessers_lock_themselves_out(Bench& bench) {
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  Elsewhere guesser(bench, "guesser");
  co_await guesser.guess(10);
  EXPECT_EQ(co_await guesser.try_login("ada"), kept_out);
  EXPECT_EQ(told(co_await bench.a.call(Identity::login, login("ada"))), entered)
      << "from where nobody guessed, though it was never there";
  EXPECT_EQ(told(co_await bench.b.call(Identity::login, login("ada"))), entered);
  EXPECT_EQ(co_await guesser.try_login("ada"), kept_out) << "that helps nobody else";
  co_await bench.world.runtime().sleep_for(61s);
  EXPECT_EQ(co_await guesser.try_login("ada"), entered);
  co_await guesser.leave();
}
TEST(BackendAccounts, WhoGuessesLocksTheirOwnAddressOutAlone) {
  run(guessers_lock_themselves_out);
}

task<> many_guessers(Bench& bench) {
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  co_await bench.a.call(Identity::login, login("ada"));
  std::list<Elsewhere> guessers;
  for (int i = 0; i < 5; ++i) {
    co_await guessers.emplace_back(bench, "guesser-" + std::to_string(i)).guess(5);
  }
  Elsewhere newcomer(bench, "newcomer");
  EXPECT_EQ(co_await newcomer.try_login("ada"), kept_out) << "25 guesses from five addresses";
  EXPECT_EQ(told(co_await bench.a.call(Identity::login, login("ada"))), entered)
      << "it logged in from there before";
  co_await bench.world.runtime().sleep_for(61s);
  EXPECT_EQ(co_await newcomer.try_login("ada"), entered);
  co_await guessers.front().guess(5);
  Elsewhere another(bench, "another");
  EXPECT_EQ(co_await another.try_login("ada"), entered) << "they count anew";
  co_await another.leave();
  co_await newcomer.leave();
  for (Elsewhere& guesser : guessers) co_await guesser.leave();
}
TEST(BackendAccounts, GuessesFromManyAddressesLockAllButThoseThatAnAccountHasUsed) {
  run(many_guessers, {.identity = {.lockout = {.most_failures_of_account = 25}}});
}

task<> slow_guesses(Bench& bench) {
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  Elsewhere newcomer(bench, "newcomer");
  for (int i = 0; i < 4; ++i) {
    Elsewhere guesser(bench, "guesser-" + std::to_string(i));
    co_await guesser.guess(8);
    co_await bench.world.runtime().sleep_for(301s);
    co_await guesser.leave();
  }
  EXPECT_EQ(co_await newcomer.try_login("ada"), entered) << "never many at a time";
  co_await newcomer.leave();
}
TEST(BackendAccounts, GuessesOfLongAgoAreNotCounted) {
  run(slow_guesses, {.identity = {.lockout = {.most_failures_of_account = 25}}});
}

task<> remembered_addresses(Bench& bench) {
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  co_await bench.a.call(Identity::login, login("ada"));
  for (int i = 0; i < 80; ++i) {
    Elsewhere one(bench, "guesser-" + std::to_string(i));
    co_await one.guess(1);
    co_await one.leave();
  }
  EXPECT_EQ(co_await bench.number("select count(*) from account_address where logged_in = 0"), 64);
  for (int i = 0; i < 20; ++i) {
    Elsewhere one(bench, "home-" + std::to_string(i));
    EXPECT_EQ(co_await one.try_login("ada"), entered);
    co_await one.leave();
  }
  EXPECT_EQ(co_await bench.number("select count(*) from account_address where logged_in > 0"), 16);
}
TEST(BackendAccounts, RemembersSoManyAddressesOfAnAccountAndNoMore) {
  run(remembered_addresses);
}

constexpr const char* later_by_30_days =
    "update account_address set seen = seen + 2592000000,"
    " locked_until = iif(locked_until > 0, locked_until + 2592000000, 0)";

task<> clock_set_back(Bench& bench) {
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  for (int i = 0; i < 10; ++i) {
    co_await bench.a.call(Identity::login, login("ada", "wrong password"));
  }
  EXPECT_EQ(told(co_await bench.a.call(Identity::login, login("ada"))), kept_out);
  co_await bench.sql(later_by_30_days);  // as if the clock had been that far ahead
  EXPECT_EQ(told(co_await bench.a.call(Identity::login, login("ada"))), entered);
  co_await bench.sql(
      "update account set failures = 24, failing_since = failing_since + 2592000000,"
      " locked_until = failing_since + 2592000000");
  Elsewhere newcomer(bench, "newcomer");
  EXPECT_EQ(co_await newcomer.try_login("ada", "wrong password"),
            "unauthenticated wrong_credentials");
  EXPECT_EQ(co_await newcomer.try_login("ada"), entered) << "nor are its failures of 30 days hence";
  co_await newcomer.leave();
}
TEST(BackendAccounts, AClockThatIsSetBackLocksNobodyOut) {
  run(clock_set_back, {.identity = {.lockout = {.most_failures_of_account = 25}}});
}

TEST(BackendAccounts, AClockThatIsSetBackALittleForgetsNoLock) {
  const backend::Lockout lockout({.lock_time = 60s});
  const store::WallTime now{1'000'000s};
  const auto left = [&](std::chrono::seconds ahead) {
    return lockout.time_left({.address_locked_until = now + ahead}, now);
  };
  EXPECT_EQ(left(0s), 0ms);
  EXPECT_EQ(left(1s), 1s);
  EXPECT_EQ(left(60s), 60s);
  EXPECT_EQ(left(90s), 60s);
  EXPECT_EQ(left(121s), 0ms);
}

task<> uncounted(Bench& bench) {
  co_await bench.a.call(Registry::sign_up, sign_up("ada"));
  co_await bench.sql(
      "create trigger full before update on account begin select raise(abort, 'full'); end");
  const auto wrong = co_await bench.a.call(Identity::login, login("ada", "wrong password"));
  EXPECT_FALSE(wrong);
  EXPECT_NE(wrong.error().reason, "wrong_credentials") << "else one could guess without limit";
}
TEST(BackendAccounts, AFailureThatCannotBeCountedIsNotAnswered) {
  run(uncounted);
}

task<> expiry(Bench& bench) {
  const auto ada = co_await enter(bench.a, "ada");
  const rpc::CallOptions options{.token = ada.token};
  const auto who = co_await bench.a.call(Identity::whoami, {}, options);
  EXPECT_EQ(told(who), "ok");
  const auto wall = bench.world.runtime().clock().wall();
  const std::chrono::system_clock::time_point expires{std::chrono::seconds(who.value().expires())};
  EXPECT_LE(expires - wall, 1h);
  EXPECT_GE(expires - wall, 1h - 2s);
  co_await bench.world.runtime().sleep_for(
      std::chrono::duration_cast<Clock::duration>(expires - wall) - 100ms);
  EXPECT_EQ(told(co_await bench.b.call(Identity::whoami, {}, options)), "ok");
  co_await bench.world.runtime().sleep_for(100ms);
  EXPECT_EQ(told(co_await bench.b.call(Identity::whoami, {}, options)),
            "unauthenticated token_expired");
  api::SignRequest sign;
  EXPECT_EQ(told(co_await bench.b.call(Vault::sign, sign, options)),
            "unauthenticated token_expired");
  EXPECT_EQ(told(co_await bench.b.call(Vault::encrypt, {}, options)),
            "unauthenticated token_expired");
  EXPECT_EQ(told(co_await bench.b.call(Vault::decrypt, {}, options)),
            "unauthenticated token_expired");
}
TEST(BackendAccounts, ATokenLastsAsLongAsItSays) {
  run(expiry, {.identity = {.token_lifetime = 1h}});
}

task<> gone(Bench& bench) {
  const auto ada = co_await enter(bench.a, "ada");
  const rpc::CallOptions options{.token = ada.token};
  api::SignRequest sign;
  sign.set_message("hello");
  EXPECT_EQ(told(co_await bench.a.call(Vault::sign, sign, options)), "ok");
  co_await bench.world.runtime().sleep_for(3s);
  EXPECT_EQ(told(co_await bench.a.call(Vault::sign, sign, options)), "ok");
  co_await bench.sql("delete from account_key");
  co_await bench.sql("delete from account");
  EXPECT_EQ(told(co_await bench.a.call(Identity::whoami, {}, options)),
            "not_found account_unknown");
  EXPECT_EQ(told(co_await bench.b.call(Vault::sign, sign, options)), "not_found account_unknown");
  EXPECT_EQ(told(co_await bench.a.call(Vault::sign, sign, options)), "ok")
      << "the database is not asked for each request";
  co_await bench.world.runtime().sleep_for(2s);
  EXPECT_EQ(told(co_await bench.a.call(Vault::sign, sign, options)), "not_found account_unknown")
      << "keys are used for 2 s without a look, and no longer";
}
TEST(BackendVault, ARevocationHoldsAfterTwoSeconds) {
  run(gone);
}

// The vault.

api::EncryptRequest to_encrypt(const std::string& text) {
  api::EncryptRequest request;
  request.set_plaintext(text);
  return request;
}

task<std::string> encrypted(Direct& client, std::string token, std::string text) {
  const auto sealed = co_await client.call(Vault::encrypt, to_encrypt(text), {.token = token});
  EXPECT_EQ(told(sealed), "ok");
  co_return sealed ? sealed->ciphertext() : std::string();
}

task<std::string> decrypted(Direct& client, std::string token, std::string ciphertext) {
  api::DecryptRequest request;
  request.set_ciphertext(ciphertext);
  const auto opened = co_await client.call(Vault::decrypt, request, {.token = token});
  co_return opened ? opened->plaintext() : told(opened);
}

std::uint32_t version_of(const std::string& ciphertext) {
  const auto header = backend::CiphertextHeader::decode(bytes_of(ciphertext));
  return header ? header->key_version : 0;
}

task<> versions(Bench& bench) {
  const auto ada = co_await enter(bench.a, "ada");
  std::map<std::uint32_t, int> uses;
  std::vector<std::string> sealed;
  for (int i = 0; i < 40; ++i) {
    Direct& one = i % 3 == 0 ? bench.a : bench.b;
    Direct& other = i % 3 == 0 ? bench.b : bench.a;
    sealed.push_back(co_await encrypted(one, ada.token, std::to_string(i)));
    ++uses[version_of(sealed.back())];
    // At once, though the other may not know of this version yet.
    EXPECT_EQ(co_await decrypted(other, ada.token, sealed.back()), std::to_string(i));
  }
  for (const auto& [version, count] : uses) EXPECT_LE(count, 4) << "of version " << version;
  EXPECT_GE(uses.size(), 10u);
  EXPECT_EQ(uses.begin()->first, 1u);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(co_await decrypted(bench.a, ada.token, sealed[static_cast<std::size_t>(i)]),
              std::to_string(i))
        << "old versions open for ever";
  }
  EXPECT_EQ(co_await bench.number("select max(leased) from account_key"), 4);
}
TEST(BackendVault, BackendsShareTheUsesOfAKeyAndKnowEachOthersVersions) {
  run(versions, {.keyring = {.lease = 2, .most_uses = 4}});
}

task<> leases(Bench& bench) {
  const auto ada = co_await enter(bench.a, "ada");
  for (int i = 0; i < 100; ++i) co_await encrypted(bench.a, ada.token, "x");
  EXPECT_EQ(co_await bench.number("select leased from account_key"), 100);
  co_await encrypted(bench.a, ada.token, "x");
  EXPECT_EQ(co_await bench.number("select leased from account_key"), 200) << "a block at a time";
}
TEST(BackendVault, UsesAreTakenFromTheDatabaseInBlocks) {
  run(leases, {.keyring = {.lease = 100}});
}

task<> crowded(Bench& bench) {
  std::vector<Entered> people;
  for (const char* name : {"ada", "bob", "carol"}) people.push_back(co_await enter(bench.a, name));
  std::vector<std::string> sealed;
  for (const Entered& one : people) {
    sealed.push_back(co_await encrypted(bench.a, one.token, std::to_string(one.account)));
  }
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < people.size(); ++i) {
      EXPECT_EQ(co_await decrypted(bench.a, people[i].token, sealed[i]),
                std::to_string(people[i].account));
      EXPECT_EQ(co_await decrypted(bench.a, people[i].token, sealed[(i + 1) % 3]),
                "permission_denied ciphertext_of_another_account");
    }
  }
}
TEST(BackendVault, MoreAccountsThanItKeepsOpenAreServedAllTheSame) {
  run(crowded, {.keyring = {.accounts = 2}});
}

task<> bounds(Bench& bench) {
  const auto ada = co_await enter(bench.a, "ada");
  const rpc::CallOptions options{.token = ada.token};
  const std::string largest(192 * 1024, 'x');
  const std::string sealed = co_await encrypted(bench.a, ada.token, largest);
  EXPECT_EQ(co_await decrypted(bench.a, ada.token, sealed), largest);
  EXPECT_EQ(co_await decrypted(bench.a, ada.token, co_await encrypted(bench.a, ada.token, "")), "");
  api::EncryptRequest request = to_encrypt("x");
  request.set_associated_data(std::string(4096, 'a'));
  EXPECT_EQ(told(co_await bench.a.call(Vault::encrypt, request, options)), "ok");
  request.set_associated_data(std::string(4097, 'a'));
  EXPECT_EQ(told(co_await bench.a.call(Vault::encrypt, request, options)),
            "invalid_argument associated_data_too_large");
  const std::string one = co_await encrypted(bench.a, ada.token, "the same");
  const std::string two = co_await encrypted(bench.a, ada.token, "the same");
  EXPECT_NE(one, two) << "nobody sees that they are equal";
}
TEST(BackendVault, TakesWhatItPromisesAndNoMore) {
  run(bounds);
}

task<> no_such_version(Bench& bench) {
  const auto ada = co_await enter(bench.a, "ada");
  std::string sealed = co_await encrypted(bench.a, ada.token, "x");
  sealed[9] = 77;
  EXPECT_EQ(co_await decrypted(bench.a, ada.token, sealed), "invalid_argument ciphertext_corrupt");
  sealed[9] = 0;
  EXPECT_EQ(co_await decrypted(bench.a, ada.token, sealed), "invalid_argument ciphertext_corrupt");
}
TEST(BackendVault, AVersionThatNeverWasOpensNothing) {
  run(no_such_version);
}

task<> other_master_key(sim::World& world) {
  Bench bench(world);
  const auto ada = co_await enter(bench.a, "ada");
  const Secret other_key(32, 2);
  BackendNode wrong(world, {"backend-c", 7403}, bench.database(), {.master_key = other_key});
  Direct client(world, {"backend-c", 7403});
  Scope scope(world.runtime());
  scope.spawn("c", wrong.server().run());
  EXPECT_EQ(told(co_await client.call(Identity::whoami, {}, {.token = ada.token})),
            "unauthenticated token_foreign");
  const backend::Deployment deployment(other_key);
  const auto expires =
      std::chrono::floor<std::chrono::seconds>(world.runtime().clock().wall()) + 1h;
  const Secret token =
      backend::Tokens(deployment).issue(ada.account, expires, world.runtime().random());
  api::SignRequest sign;
  EXPECT_EQ(told(co_await client.call(Vault::sign, sign, {.token = text_of(token)})),
            "data_loss key_does_not_open");
  co_await client.channel().close();
  wrong.lifecycle().advance(Phase::draining);
  co_await scope.join();
  co_await bench.end();
}
TEST(BackendVault, ADatabaseOfAnotherMasterKeyOpensNothing) {
  sim::World world(1);
  world.run(other_master_key(world));
}

// Parts without a database.

TEST(BackendTokens, AreExactInTimeAndForm) {
  sim::World world(1);
  const backend::Deployment deployment(Secret(32, 1));
  const backend::Tokens tokens(deployment);
  const std::chrono::sys_seconds expires{std::chrono::seconds(1'800'000'000)};
  Random& random = world.runtime().random();
  const Secret token = tokens.issue(42, expires, random);
  const auto good = tokens.check(text_of(token), expires - 1ns);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->account, 42u);
  EXPECT_EQ(good->expires, expires);
  EXPECT_EQ(tokens.check(text_of(token), expires).error().reason, "token_expired");
  EXPECT_NE(token, tokens.issue(42, expires, random)) << "no two are the same";
  const std::string text(text_of(token));
  EXPECT_EQ(tokens.check(text + "x", expires - 1s).error().reason, "token_malformed");
  EXPECT_EQ(tokens.check(text.substr(1), expires - 1s).error().reason, "token_malformed");
  EXPECT_EQ(tokens.check(text.substr(0, 72), expires - 1s).error().reason, "token_malformed");
  std::string newer = text;
  newer[0] = 2;
  EXPECT_EQ(tokens.check(newer, expires - 1s).error().reason, "token_malformed");
  for (std::size_t i = 9; i < text.size(); ++i) {
    std::string forged = text;
    forged[i] = static_cast<char>(forged[i] ^ 0x80);
    EXPECT_EQ(tokens.check(forged, expires - 1s).error().reason, "token_forged") << i;
  }
}

TEST(BackendCiphertext, HeadersAreReadAsTheyAreWritten) {
  const backend::CiphertextHeader header{.account = 0x0102030405060708, .key_version = 0x0A0B0C0D};
  const auto bytes = header.encode();
  const Bytes expected{1, 8, 7, 6, 5, 4, 3, 2, 1, 0x0D, 0x0C, 0x0B, 0x0A};
  EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), expected);
  Bytes whole(bytes.begin(), bytes.end());
  whole.resize(13 + 12 + 16);
  const auto read = backend::CiphertextHeader::decode(whole);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->account, header.account);
  EXPECT_EQ(read->key_version, header.key_version);
  whole.pop_back();
  EXPECT_FALSE(backend::CiphertextHeader::decode(whole)) << "there is no room for a tag";
  whole.push_back(0);
  whole[0] = 2;
  EXPECT_FALSE(backend::CiphertextHeader::decode(whole));
}

task<> passwords(sim::World& world) {
  telemetry::Metrics metrics;
  OffloadPool pool({.name = "passwords", .threads = 1}, metrics);
  backend::Passwords hashing(pool, crypto::insecure_test_cost);
  const net::PeerIdentity nobody_proved;
  rpc::Call call{.runtime = world.runtime(), .peer = nobody_proved};
  const auto hash = (co_await hashing.hash(call, "correct horse")).value();
  const auto again = (co_await hashing.hash(call, "correct horse")).value();
  EXPECT_NE(hash, again) << "each has a salt of its own";
  const auto same = co_await hashing.matches(call, "correct horse", hash);
  EXPECT_TRUE(same.value());
  const auto other = co_await hashing.matches(call, "correct cow", hash);
  EXPECT_FALSE(other.value());
  const auto nobody = co_await hashing.matches(call, "correct horse", {});
  EXPECT_FALSE(nobody.value());
  call.deadline = world.runtime().now();
  const auto late = co_await hashing.hash(call, "correct horse");
  EXPECT_TRUE(late.has_error());
  EXPECT_EQ(late.error().code, rpc::Code::deadline_exceeded);
}
TEST(BackendPasswords, MatchTheirOwnHashAlone) {
  sim::World world(1);
  world.run(passwords(world));
}

}  // namespace
}  // namespace babilu::test
