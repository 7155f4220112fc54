// A sign-up that arrives at two backends at a time, as when a proxy sends it again.
#include <future>

#include <gtest/gtest.h>

#include "core/store/idempotency.h"
#include "roles/api/registry.pb.h"
#include "roles/backend/accounts/schema.h"
#include "roles/backend/services.h"
#include "tests/unit/store_support.h"

namespace babilu::backend {
namespace {

/// A backend's registry with a store of its own, on a file that others share.
class RegistryNode {
 public:
  explicit RegistryNode(const std::filesystem::path& file)
      : store_(open(file)),
        shared_{*store_, Passwords(pool_, crypto::insecure_test_cost), deployment_, {}, {}},
        services_(shared_, {api::Registry::name}) {}

  task<> sign_up_into(Runtime& runtime, std::optional<rpc::Reply>& out) {
    api::SignUpRequest request;
    request.set_name("ada");
    request.set_password("correct horse");
    const Bytes message = rpc::encode(request);
    const std::string key(32, 'k');
    const net::PeerIdentity peer;
    const auto& traits = api::Registry::sign_up.traits;
    rpc::Call call{.runtime = runtime,
                   .method = traits.id,
                   .message = message,
                   .idempotency_key = key,
                   .peer = peer};
    out.emplace(co_await services_.table().find(traits.id)->handler(call));
  }
  /// Lets the only thread that hashes do nothing else until it may go on.
  task<> hold_passwords(Runtime& runtime, std::promise<void>& begun,
                        std::shared_future<void> go_on) {
    auto work = [&begun, go_on = std::move(go_on)] {
      begun.set_value();
      go_on.wait();
      return true;
    };
    co_await pool_.run(runtime, std::move(work), no_deadline);
  }
  /// Returns when all that was asked of its only reader before has been done.
  task<> read_nothing(Runtime& runtime) {
    co_await store_->read(runtime, [](store::Snapshot&) { return true; }, no_deadline);
  }
  double reads() const { return store::metric(metrics_, "babilu_store_reads_total"); }

 private:
  std::unique_ptr<store::Store> open(const std::filesystem::path& file) {
    store::StoreOptions options = store::options_for(file);
    options.schemas = {account_schema, store::idempotency_schema};
    options.readers = 1;
    options.metrics = &metrics_;
    return store::open_store(std::move(options));
  }

  telemetry::Metrics metrics_;
  const std::unique_ptr<store::Store> store_;
  OffloadPool pool_{{.name = "passwords", .threads = 1}, metrics_};
  const Deployment deployment_{Secret(Deployment::master_key_bytes, 1)};
  ServicesShared shared_;
  const Services services_;
};

/// The late one has looked before the early one is done, and writes afterwards.
task<> overtake(Runtime& runtime, RegistryNode& early, RegistryNode& late,
                std::optional<rpc::Reply>& first, std::optional<rpc::Reply>& second) {
  Scope scope(runtime);
  std::promise<void> begun;
  std::promise<void> go_on;
  scope.spawn("hold", late.hold_passwords(runtime, begun, go_on.get_future().share()));
  begun.get_future().wait();
  scope.spawn("late", late.sign_up_into(runtime, second));
  co_await late.read_nothing(runtime);
  co_await early.sign_up_into(runtime, first);
  go_on.set_value();
  co_await scope.join();
}

TEST(SignUp, OneThatAnotherBackendOvertakesHasItsReply) {
  const store::TemporaryDirectory directory;
  Runtime runtime;
  RegistryNode early(directory / "db");
  RegistryNode late(directory / "db");
  std::optional<rpc::Reply> first;
  std::optional<rpc::Reply> second;
  runtime.run(overtake(runtime, early, late, first, second));
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(first->status.ok()) << first->status.to_string();
  ASSERT_TRUE(second->status.ok()) << second->status.to_string();
  EXPECT_EQ(second->message, first->message);
  EXPECT_EQ(late.reads(), 2) << "one look, and the test's own";
}

}  // namespace
}  // namespace babilu::backend
