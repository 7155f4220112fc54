// What stands in the database of accounts, and what becomes of it.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/crypto/password.h"
#include "core/runtime/runtime.h"
#include "core/store/idempotency.h"
#include "roles/api/identity.pb.h"
#include "roles/api/registry.pb.h"
#include "roles/api/vault.pb.h"
#include "roles/backend/accounts/schema.h"
#include "tests/sim/stack.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using api::Identity;
using api::Registry;
using api::Vault;

constexpr const char* password = "correct horse";

/// What a call came to: "ok", or its code and reason.
template <class T>
std::string word(const rpc::Outcome<T>& outcome) {
  if (outcome) return "ok";
  return std::string(rpc::to_string(outcome.error().code)) + " " + outcome.error().reason;
}

/// A stack, a client, and the database that the backends have open, too.
struct Site {
  Site(sim::World& its_world, BackendNode::Options options)
      : world(its_world),
        stack(world, options),
        client(world),
        store(open_store(stack.database())) {}

  /// Runs SQL that changes rows; how many.
  template <class... Values>
  task<std::size_t> change(const char* sql, Values... values) {
    auto unit = [=](store::Transaction& transaction) {
      return store::commit(transaction.execute(sql, values...));
    };
    auto changed = co_await store->write(world.runtime(), unit, no_deadline);
    co_return static_cast<std::size_t>(changed.value());
  }
  task<std::string> stored_password() {
    auto unit = [](store::Snapshot& snapshot) {
      return snapshot.find<std::string>("select password from account where name = 'ada'").value();
    };
    auto found = co_await store->read(world.runtime(), unit, no_deadline);
    co_return found.value();
  }

  task<std::uint64_t> sign_up(std::string name) {
    api::SignUpRequest request;
    request.set_name(name);
    request.set_password(password);
    auto made = co_await client.call(Registry::sign_up, request);
    EXPECT_EQ(word(made), "ok");
    co_return made ? made->account_id() : 0;
  }
  task<rpc::Outcome<api::LoginReply>> login(std::string name, std::string with = password) {
    api::LoginRequest request;
    request.set_name(name);
    request.set_password(with);
    co_return co_await client.call(Identity::login, request);
  }
  task<std::string> token_of(std::string name) {
    auto entered = co_await login(name);
    EXPECT_EQ(word(entered), "ok");
    co_return entered ? entered->token() : std::string();
  }
  task<rpc::Outcome<api::EncryptReply>> encrypt(std::string token, std::string text) {
    api::EncryptRequest request;
    request.set_plaintext(text);
    co_return co_await client.call(Vault::encrypt, request, {.token = token});
  }
  task<rpc::Outcome<api::DecryptReply>> decrypt(std::string token, std::string ciphertext) {
    api::DecryptRequest request;
    request.set_ciphertext(ciphertext);
    co_return co_await client.call(Vault::decrypt, request, {.token = token});
  }
  /// Until no backend believes any more what it read of a key.
  task<> until_keys_are_read_again() {
    co_await world.runtime().sleep_for(2 * backend::KeyringOptions{}.fresh);
  }

  sim::World& world;
  SimulatedStack stack;
  Client client;
  std::unique_ptr<store::Store> store;
};

using Steps = task<> (*)(Site& site);

task<> with_site(sim::World& world, Steps steps, BackendNode::Options options) {
  Site site(world, options);
  co_await site.stack.ready();
  co_await steps(site);
  co_await site.client.channel().close();
  co_await site.stack.stop();
}

void run(Steps steps, BackendNode::Options options = {}) {
  sim::World world(11);
  world.run(with_site(world, steps, std::move(options)));
}

// --- Sealed keys
// -----------------------------------------------------------------------------------

task<> key_of_another_account(Site& site) {
  const std::uint64_t ada = co_await site.sign_up("ada");
  const std::uint64_t bob = co_await site.sign_up("bob");
  const std::string token = co_await site.token_of("bob");
  EXPECT_EQ(word(co_await site.encrypt(token, "mine")), "ok");
  const std::size_t copied = co_await site.change(
      "update account_key set sealed = (select sealed from account_key where account = ?)"
      " where account = ?",
      ada, bob);
  EXPECT_EQ(copied, 1u);
  co_await site.until_keys_are_read_again();
  EXPECT_EQ(word(co_await site.encrypt(token, "mine")), "data_loss key_does_not_open");
  const std::string other = co_await site.token_of("ada");
  EXPECT_EQ(word(co_await site.encrypt(other, "hers")), "ok");
}
TEST(Accounts, ASealedKeyIsOfItsAccount) {
  run(key_of_another_account);
}

task<> seed_of_another_account(Site& site) {
  const std::uint64_t ada = co_await site.sign_up("ada");
  const std::uint64_t bob = co_await site.sign_up("bob");
  const std::string token = co_await site.token_of("bob");
  const std::size_t copied = co_await site.change(
      "update account set sealed_signing_seed ="
      " (select sealed_signing_seed from account where id = ?) where id = ?",
      ada, bob);
  EXPECT_EQ(copied, 1u);
  api::SignRequest request;
  request.set_message("I am ada");
  auto made = co_await site.client.call(Vault::sign, request, {.token = token});
  EXPECT_EQ(word(made), "data_loss key_does_not_open");
}
TEST(Accounts, ASealedSigningSeedIsOfItsAccount) {
  run(seed_of_another_account);
}

task<> key_of_another_version(Site& site) {
  const std::uint64_t ada = co_await site.sign_up("ada");
  const std::string token = co_await site.token_of("ada");
  EXPECT_EQ(word(co_await site.encrypt(token, "mine")), "ok");
  const std::size_t copied = co_await site.change(
      "insert into account_key (account, version, sealed, created)"
      " select account, version + 1, sealed, created from account_key where account = ?",
      ada);
  EXPECT_EQ(copied, 1u);
  co_await site.until_keys_are_read_again();
  EXPECT_EQ(word(co_await site.encrypt(token, "mine")), "data_loss key_does_not_open");
}
TEST(Accounts, ASealedKeyIsOfItsVersion) {
  run(key_of_another_version);
}

task<> old_versions(Site& site) {
  co_await site.sign_up("ada");
  const std::string token = co_await site.token_of("ada");
  std::map<std::string, std::string> ciphertexts;
  std::set<char> versions;
  for (int i = 0; i < 12; ++i) {
    const std::string text = "text " + std::to_string(i);
    auto sealed = co_await site.encrypt(token, text);
    EXPECT_EQ(word(sealed), "ok");
    if (!sealed) co_return;
    ciphertexts[text] = sealed->ciphertext();
    versions.insert(sealed->ciphertext()[9]);
  }
  EXPECT_GE(versions.size(), 3u) << "12 uses of keys that last for 4";
  for (const auto& [text, ciphertext] : ciphertexts) {
    auto opened = co_await site.decrypt(token, ciphertext);
    EXPECT_EQ(word(opened), "ok") << text;
    if (opened) EXPECT_EQ(opened->plaintext(), text);
  }
  // Who claims another version for a ciphertext gets nothing.
  std::string moved = ciphertexts["text 0"];
  moved[9] = static_cast<char>(moved[9] + 1);
  EXPECT_EQ(word(co_await site.decrypt(token, moved)), "invalid_argument ciphertext_corrupt");
}
TEST(Accounts, WhatAnOldVersionSealedOpensAfterOthersCame) {
  run(old_versions, {.keyring = {.lease = 2, .most_uses = 4}});
}

// --- Passwords
// -------------------------------------------------------------------------------------

constexpr crypto::PasswordCost todays_cost{.memory_kib = 16, .passes = 2, .lanes = 1};

task<> outdated_password(Site& site) {
  co_await site.sign_up("ada");
  const std::string first = co_await site.stored_password();
  EXPECT_FALSE(crypto::needs_rehash(first, todays_cost));
  EXPECT_EQ(word(co_await site.login("ada")), "ok");
  EXPECT_EQ(co_await site.stored_password(), first) << "a hash of today's cost stays";

  const std::string old =
      crypto::hash_password(password, crypto::insecure_test_cost, site.world.runtime().random());
  EXPECT_EQ(co_await site.change("update account set password = ? where name = 'ada'", old), 1u);
  EXPECT_EQ(word(co_await site.login("ada", "wrong password")),
            "unauthenticated wrong_credentials");
  EXPECT_EQ(co_await site.stored_password(), old) << "a wrong password changes nothing";

  EXPECT_EQ(word(co_await site.login("ada")), "ok");
  const std::string renewed = co_await site.stored_password();
  EXPECT_FALSE(crypto::needs_rehash(renewed, todays_cost)) << renewed;
  EXPECT_EQ(crypto::verify_password(password, renewed), crypto::PasswordCheck::match);
  EXPECT_EQ(word(co_await site.login("ada")), "ok");
  EXPECT_EQ(word(co_await site.login("ada", "wrong password")),
            "unauthenticated wrong_credentials");
}
TEST(Accounts, ALoginRenewsAHashOfAnotherCost) {
  run(outdated_password, {.password_cost = todays_cost});
}

// --- Schemas
// ---------------------------------------------------------------------------------------

/// What is said against these services on a store with these schemas; empty when nothing is.
std::string complaint(std::vector<store::Schema> schemas, const std::vector<std::string>& wanted) {
  TemporaryDirectory directory;
  store::StoreOptions options;
  options.path = directory.path() / "db";
  options.kind = "backend";
  options.schemas = std::move(schemas);
  const auto store = store::Store::open(std::move(options)).value();
  telemetry::Metrics metrics;
  OffloadPool pool({.name = "passwords", .threads = 1}, metrics);
  const backend::Deployment deployment(Secret(32, 1));
  backend::ServicesShared shared{
      *store, backend::Passwords(pool, crypto::insecure_test_cost), deployment, {}, {}};
  try {
    const backend::Services services(shared, wanted);
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

TEST(Accounts, AForgottenSchemaIsFoundAtStart) {
  const auto lacks = [](std::string name) {
    return "the store was opened without the schema \"" + name +
           "\", whose tables are used: add it to StoreOptions::schemas";
  };
  EXPECT_EQ(complaint({}, {"echo"}), "");
  for (const char* service : {"registry", "identity", "vault"}) {
    EXPECT_EQ(complaint({store::idempotency_schema}, {service}), lacks("account"));
  }
  EXPECT_EQ(complaint({backend::account_schema}, {"registry"}), lacks("idempotency"));
  EXPECT_EQ(complaint({backend::account_schema}, {"identity"}), lacks("idempotency"));
  EXPECT_EQ(complaint({backend::account_schema}, {"vault"}), "");
  EXPECT_EQ(
      complaint({backend::account_schema, store::idempotency_schema}, backend::Services::names()),
      "");
}

}  // namespace
}  // namespace babilu::test
