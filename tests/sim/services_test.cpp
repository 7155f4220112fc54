// What the backend's services do and refuse, through the proxy.
#include <set>

#include <gtest/gtest.h>

#include "core/crypto/signature.h"
#include "core/runtime/runtime.h"
#include "roles/api/echo.pb.h"
#include "roles/api/identity.pb.h"
#include "roles/api/registry.pb.h"
#include "roles/api/vault.pb.h"
#include "tests/sim/stack.h"
#include "tests/support/size.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using api::Identity;
using api::Registry;
using api::Vault;
using rpc::Code;

constexpr const char* password = "correct horse";

api::SignUpRequest sign_up(const std::string& name, const std::string& with = password) {
  api::SignUpRequest request;
  request.set_name(name);
  request.set_password(with);
  return request;
}

api::LoginRequest login(const std::string& name, const std::string& with = password) {
  api::LoginRequest request;
  request.set_name(name);
  request.set_password(with);
  return request;
}

/// What a refused call says: its code and reason.
template <class T>
std::string refusal(const rpc::Outcome<T>& outcome) {
  if (outcome) return "ok";
  return std::string(rpc::to_string(outcome.error().code)) + " " + outcome.error().reason;
}

/// Signs up and logs in; the token.
task<std::string> enter(Client& client, std::string name) {
  (co_await client.call(Registry::sign_up, sign_up(name))).value();
  co_return (co_await client.call(Identity::login, login(name))).value().token();
}

using Steps = task<> (*)(sim::World& world, SimulatedStack& stack, Client& client);

task<> with_stack(sim::World& world, Steps steps, BackendNode::Options options) {
  SimulatedStack stack(world, options);
  co_await stack.ready();
  Client client(world);
  co_await steps(world, stack, client);
  co_await client.channel().close();
  co_await stack.stop();
}

void run(Steps steps, BackendNode::Options options = {}) {
  for_each_seed(7, repetitions(1, 50), [&](std::uint64_t seed) {
    sim::World world(seed);
    world.run(with_stack(world, steps, options));
  });
}

task<> accounts(sim::World&, SimulatedStack&, Client& client) {
  auto made = co_await client.call(Registry::sign_up, sign_up("ada"));
  EXPECT_EQ(refusal(made), "ok");
  auto again = co_await client.call(Registry::sign_up, sign_up("ada"));
  EXPECT_EQ(refusal(again), "already_exists name_taken");

  auto entered = co_await client.call(Identity::login, login("ada"));
  auto who = co_await client.call(Identity::whoami, {}, {.token = entered.value().token()});
  EXPECT_EQ(who.value().name(), "ada");
  EXPECT_EQ(who.value().account_id(), made.value().account_id());
  EXPECT_EQ(who.value().signing_key(), made.value().signing_key());
}
TEST(Services, AnAccountIsMadeOnceAndLogsIn) {
  run(accounts);
}

task<> one_key(sim::World&, SimulatedStack&, Client& client) {
  const std::string key(32, 'k');
  auto first = co_await client.call(Registry::sign_up, sign_up("ada"), {.idempotency_key = key});
  auto second = co_await client.call(Registry::sign_up, sign_up("ada"), {.idempotency_key = key});
  EXPECT_EQ(refusal(second), "ok");
  EXPECT_EQ(first.value().SerializeAsString(), second.value().SerializeAsString());
  auto other = co_await client.call(Registry::sign_up, sign_up("bob"), {.idempotency_key = key});
  EXPECT_EQ(refusal(other), "invalid_argument idempotency_conflict");
  auto short_key =
      co_await client.call(Registry::sign_up, sign_up("bob"), {.idempotency_key = "short"});
  EXPECT_EQ(refusal(short_key), "invalid_argument idempotency_key");
}
TEST(Services, ARepeatedSignUpHasOneEffect) {
  run(one_key);
}

task<> bad_names(sim::World&, SimulatedStack&, Client& client) {
  const std::vector<std::string> names{"",
                                       "Ada",
                                       ".ada",
                                       "a b",
                                       std::string("a\0b", 3),
                                       std::string("\xc3\xa4") + "da",
                                       "../etc",
                                       std::string(65, 'a'),
                                       std::string(200'000, 'a')};
  for (const std::string& name : names) {
    auto made = co_await client.call(Registry::sign_up, sign_up(name));
    EXPECT_EQ(refusal(made), "invalid_argument name_invalid") << name.substr(0, 70);
  }
  auto not_utf8 = co_await client.call(Registry::sign_up, sign_up("a\xff"));
  EXPECT_FALSE(not_utf8);
  EXPECT_EQ(not_utf8.error().code, Code::invalid_argument);
  auto fits = co_await client.call(Registry::sign_up, sign_up(std::string(64, 'a')));
  EXPECT_EQ(refusal(fits), "ok");
}
TEST(Services, NamesOutOfBoundsAreRefused) {
  run(bad_names);
}

task<std::string> sign_up_refusal(Client& client, std::string with) {
  co_return refusal(co_await client.call(Registry::sign_up, sign_up("ada", with)));
}

task<> bad_passwords(sim::World&, SimulatedStack&, Client& client) {
  EXPECT_EQ(co_await sign_up_refusal(client, ""), "invalid_argument password_too_short");
  EXPECT_EQ(co_await sign_up_refusal(client, "1234567"), "invalid_argument password_too_short");
  EXPECT_EQ(co_await sign_up_refusal(client, std::string(1025, 'x')),
            "invalid_argument password_too_long");
  EXPECT_EQ(co_await sign_up_refusal(client, std::string("12345678\0", 9)),
            "invalid_argument password_invalid");
  // Larger than a frame: refused before it is sent, and the connection goes on.
  EXPECT_EQ(co_await sign_up_refusal(client, std::string(10'000'000, 'x')),
            "invalid_argument request_too_large");
  EXPECT_EQ(co_await sign_up_refusal(client, std::string(1024, 'x')), "ok");
}
TEST(Services, PasswordsOutOfBoundsAreRefused) {
  run(bad_passwords);
}

task<> bad_logins(sim::World& world, SimulatedStack&, Client& client) {
  co_await enter(client, "ada");
  EXPECT_EQ(refusal(co_await client.call(Identity::login, login("nobody"))),
            "unauthenticated wrong_credentials");
  EXPECT_EQ(refusal(co_await client.call(Identity::login, login(""))),
            "unauthenticated wrong_credentials");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(refusal(co_await client.call(Identity::login, login("ada", "wrong password"))),
              "unauthenticated wrong_credentials");
  }
  auto locked = co_await client.call(Identity::login, login("ada"));
  EXPECT_EQ(refusal(locked), "resource_exhausted too_many_failures");
  EXPECT_GT(locked.error().retry_after, 0ms);
  co_await world.runtime().sleep_for(locked.error().retry_after);
  EXPECT_EQ(refusal(co_await client.call(Identity::login, login("ada"))), "ok");
}
TEST(Services, FailedLoginsAreCountedAndLockForAWhile) {
  run(bad_logins);
}

task<std::string> whoami_refusal(Client& client, std::string_view token) {
  co_return refusal(co_await client.call(Identity::whoami, {}, {.token = token}));
}

task<> tokens(sim::World& world, SimulatedStack&, Client& client) {
  const std::string token = co_await enter(client, "ada");
  EXPECT_EQ(co_await whoami_refusal(client, ""), "unauthenticated token_missing");
  EXPECT_EQ(co_await whoami_refusal(client, "nonsense"), "unauthenticated token_malformed");
  for (const std::size_t at : {9u, 17u, 30u, 50u, 72u}) {
    std::string forged = token;
    forged[at] = static_cast<char>(forged[at] ^ 1);
    EXPECT_EQ(co_await whoami_refusal(client, forged), "unauthenticated token_forged") << at;
  }
  const backend::Deployment other(Secret(32, 2));
  const Secret foreign = backend::Tokens(other).issue(
      1, std::chrono::floor<std::chrono::seconds>(world.runtime().clock().wall()) + 1h,
      world.runtime().random());
  EXPECT_EQ(co_await whoami_refusal(client, text_of(foreign)), "unauthenticated token_foreign");
  EXPECT_EQ(co_await whoami_refusal(client, token), "ok");
  co_await world.runtime().sleep_for(13h);
  EXPECT_EQ(co_await whoami_refusal(client, token), "unauthenticated token_expired");
}
TEST(Services, TokensForgedForeignOrExpiredAreRefused) {
  run(tokens);
}

task<> vault(sim::World&, SimulatedStack&, Client& client) {
  const std::string ada = co_await enter(client, "ada");
  const std::string bob = co_await enter(client, "bob");
  api::EncryptRequest encrypt;
  encrypt.set_plaintext("attack at dawn");
  encrypt.set_associated_data("order 7");
  auto sealed = co_await client.call(Vault::encrypt, encrypt, {.token = ada});

  api::DecryptRequest decrypt;
  decrypt.set_ciphertext(sealed.value().ciphertext());
  decrypt.set_associated_data("order 7");
  auto opened = co_await client.call(Vault::decrypt, decrypt, {.token = ada});
  EXPECT_EQ(opened.value().plaintext(), "attack at dawn");
  EXPECT_EQ(refusal(co_await client.call(Vault::decrypt, decrypt, {.token = bob})),
            "permission_denied ciphertext_of_another_account");
  EXPECT_EQ(refusal(co_await client.call(Vault::decrypt, decrypt)),
            "unauthenticated token_missing");

  decrypt.set_associated_data("order 8");
  EXPECT_EQ(refusal(co_await client.call(Vault::decrypt, decrypt, {.token = ada})),
            "invalid_argument ciphertext_corrupt");
  decrypt.set_associated_data("order 7");
  for (std::size_t bit = 0; bit < 8 * sealed.value().ciphertext().size(); ++bit) {
    std::string changed = sealed.value().ciphertext();
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    decrypt.set_ciphertext(changed);
    EXPECT_FALSE(co_await client.call(Vault::decrypt, decrypt, {.token = ada})) << bit;
  }
  decrypt.set_ciphertext("short");
  EXPECT_EQ(refusal(co_await client.call(Vault::decrypt, decrypt, {.token = ada})),
            "invalid_argument ciphertext_malformed");
  encrypt.set_plaintext(std::string(192 * 1024 + 1, 'x'));
  EXPECT_EQ(refusal(co_await client.call(Vault::encrypt, encrypt, {.token = ada})),
            "invalid_argument plaintext_too_large");
}
TEST(Services, TheVaultOpensOnlyWhatItSealedForTheSameAccount) {
  run(vault);
}

task<> key_versions(sim::World&, SimulatedStack&, Client& client) {
  const std::string token = co_await enter(client, "ada");
  std::set<std::uint8_t> versions;
  for (int i = 0; i < 20; ++i) {
    api::EncryptRequest encrypt;
    encrypt.set_plaintext(std::to_string(i));
    auto sealed = co_await client.call(Vault::encrypt, encrypt, {.token = token});
    versions.insert(static_cast<std::uint8_t>(sealed.value().ciphertext()[9]));
    api::DecryptRequest decrypt;
    decrypt.set_ciphertext(sealed.value().ciphertext());
    auto opened = co_await client.call(Vault::decrypt, decrypt, {.token = token});
    EXPECT_EQ(opened.value().plaintext(), std::to_string(i));
  }
  EXPECT_GE(versions.size(), 4u) << "20 uses of keys that last for 4";
}
TEST(Services, AKeyThatIsUsedUpIsReplacedAndStillOpens) {
  run(key_versions, {.keyring = {.lease = 2, .most_uses = 4}});
}

task<> signatures(sim::World&, SimulatedStack&, Client& client) {
  const std::string token = co_await enter(client, "ada");
  co_await enter(client, "bob");
  api::SignRequest sign;
  sign.set_message("I owe you 5");
  auto made = co_await client.call(Vault::sign, sign, {.token = token});
  EXPECT_EQ(refusal(made), "ok");

  api::VerifyRequest verify;
  verify.set_name("ada");
  verify.set_message("I owe you 5");
  verify.set_signature(made.value().signature());
  EXPECT_TRUE((co_await client.call(Identity::verify, verify)).value().valid());
  verify.set_message("I owe you 50");
  EXPECT_FALSE((co_await client.call(Identity::verify, verify)).value().valid());
  verify.set_message("I owe you 5");
  verify.set_name("bob");
  EXPECT_FALSE((co_await client.call(Identity::verify, verify)).value().valid());
  verify.set_name("nobody");
  EXPECT_EQ(refusal(co_await client.call(Identity::verify, verify)), "not_found account_unknown");
  verify.set_signature("short");
  EXPECT_EQ(refusal(co_await client.call(Identity::verify, verify)),
            "invalid_argument signature_length");
}
TEST(Services, SignaturesAreOfTheirAccountAndMessage) {
  run(signatures);
}

task<> split(sim::World& world, bool& done) {
  TemporaryDirectory directory;
  const auto database = directory.path() / "babilu.db";
  BackendNode a(world, {"backend-a", 7401}, database, {.services = {"registry", "vault"}});
  BackendNode b(world, {"backend-b", 7402}, database, {.services = {"identity"}});
  ProxyNode proxy(world, {"backend-a:7401", "backend-b:7402"});
  Scope scope(world.runtime());
  scope.spawn("a", a.server().run());
  scope.spawn("b", b.server().run());
  scope.spawn("proxy", proxy.proxy().run());
  while (proxy.proxy().links_up() < 2) co_await world.runtime().sleep_for(1ms);

  Client client(world);
  const std::string token = co_await enter(client, "ada");
  api::SignRequest sign;
  sign.set_message("hello");
  EXPECT_EQ(refusal(co_await client.call(Vault::sign, sign, {.token = token})), "ok");
  EXPECT_EQ(refusal(co_await client.call(api::Echo::echo, {})), "unimplemented unknown_service");
  co_await client.channel().close();
  for (Lifecycle* node : {&proxy.lifecycle(), &a.lifecycle(), &b.lifecycle()}) {
    node->advance(Phase::draining);
  }
  co_await scope.join();
  done = true;
}
TEST(Services, BackendsMayShareTheWork) {
  sim::World world(3);
  bool done = false;
  world.run(split(world, done));
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace babilu::test
