// Logins that come at a time.
#include <algorithm>
#include <future>

#include <gtest/gtest.h>

#include "core/runtime/scope.h"
#include "core/store/idempotency.h"
#include "roles/api/identity.pb.h"
#include "roles/api/registry.pb.h"
#include "roles/backend/accounts/schema.h"
#include "roles/backend/services.h"
#include "tests/unit/store_support.h"

namespace babilu::backend {
namespace {

/// A backend's accounts, and a pool whose only thread can be held.
class AccountsNode {
 public:
  AccountsNode()
      : store_(open()),
        shared_{*store_, Passwords(pool_, crypto::insecure_test_cost), deployment_, {}, {}},
        services_(shared_, {api::Registry::name, api::Identity::name}) {}

  task<> ask(Runtime& runtime, rpc::MethodTraits traits, Bytes message, char key,
             std::string& out) {
    const std::string idempotency_key(32, key);
    const net::PeerIdentity peer;
    rpc::Call call{.runtime = runtime,
                   .method = traits.id,
                   .message = message,
                   .idempotency_key = idempotency_key,
                   .client_address = "192.0.2.1:5000",
                   .peer = peer};
    const rpc::Reply reply = co_await services_.table().find(traits.id)->handler(call);
    out = reply.status.ok() ? "ok" : reply.status.reason;
  }
  task<> sign_up(Runtime& runtime, std::string& out) {
    api::SignUpRequest request;
    request.set_name("ada");
    request.set_password("correct horse");
    co_await ask(runtime, api::Registry::sign_up.traits, rpc::encode(request), 'k', out);
  }
  task<> log_in(Runtime& runtime, std::string password, char key, std::string& out) {
    api::LoginRequest request;
    request.set_name("ada");
    request.set_password(password);
    co_await ask(runtime, api::Identity::login.traits, rpc::encode(request), key, out);
  }
  /// Lets the pool's thread do nothing else until it may go on.
  task<> hold_pool(Runtime& runtime, std::promise<void>& begun, std::shared_future<void> go_on) {
    auto work = [&begun, go_on = std::move(go_on)] {
      begun.set_value();
      go_on.wait();
      return true;
    };
    EXPECT_TRUE(co_await pool_.run(runtime, std::move(work), no_deadline));
  }
  double waiting() const {
    return store::metric(metrics_, "babilu_offload_waiting", {{"pool", "passwords"}});
  }

 private:
  std::unique_ptr<store::Store> open() {
    store::StoreOptions options = store::options_for(directory_ / "db");
    options.schemas = {account_schema, store::idempotency_schema};
    options.metrics = &metrics_;
    return store::open_store(std::move(options));
  }

  const store::TemporaryDirectory directory_;
  telemetry::Metrics metrics_;
  const std::unique_ptr<store::Store> store_;
  OffloadPool pool_{{.name = "passwords", .threads = 1}, metrics_};
  const Deployment deployment_{Secret(Deployment::master_key_bytes, 1)};
  ServicesShared shared_;
  const Services services_;
};

/// All have been let in before the first is checked.
task<> guess(Runtime& runtime, AccountsNode& node, std::vector<std::string>& outcomes) {
  std::string signed_up;
  co_await node.sign_up(runtime, signed_up);
  EXPECT_EQ(signed_up, "ok");
  std::promise<void> begun;
  std::promise<void> go_on;
  Scope scope(runtime);
  scope.spawn("hold", node.hold_pool(runtime, begun, go_on.get_future().share()));
  begun.get_future().wait();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const bool last = i + 1 == outcomes.size();
    scope.spawn("login", node.log_in(runtime, last ? "correct horse" : "wrong horse",
                                     static_cast<char>('A' + i), outcomes[i]));
    while (node.waiting() < static_cast<double>(i + 1)) co_await runtime.yield();
  }
  go_on.set_value();
  co_await scope.join();
}

TEST(Login, ManyGuessesAtATimeLearnNoMoreThanOneAfterAnother) {
  AccountsNode node;
  Runtime runtime;
  std::vector<std::string> outcomes(15);
  runtime.run(guess(runtime, node, outcomes));
  EXPECT_EQ(std::ranges::count(outcomes, "wrong_credentials"), LockoutOptions().most_failures);
  EXPECT_EQ(std::ranges::count(outcomes, "too_many_failures"), 5);
  EXPECT_EQ(outcomes.back(), "too_many_failures") << "though it is the right one";
}

}  // namespace
}  // namespace babilu::backend
