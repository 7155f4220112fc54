// A backend's front: links come and go, requests are counted, and it ends when it is told to.
#include <algorithm>

#include <gtest/gtest.h>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include "core/rpc/channel.h"
#include "core/server/server.h"
#include "core/telemetry/metrics.h"
#include "tests/sim/stack.h"
#include "tests/support/status.h"

namespace babilu::server {
namespace {

using namespace std::chrono_literals;
using rpc::Code;
using rpc::Reply;

constexpr rpc::MethodTraits echo{0x0101, "test.Echo"};
constexpr rpc::MethodTraits wait_traits{0x0102, "test.Wait"};
constexpr rpc::MethodTraits refuse{0x0103, "test.Refuse"};
constexpr rpc::MethodTraits work_traits{0x0104, "test.Work"};

/// Refuses the first so many handshakes.
class Unsafe final : public net::Security {
 public:
  int failures = 0;
  task<Result<net::StreamPtr>> dial(net::StreamPtr raw, const net::Address&, Deadline) override {
    co_return std::move(raw);
  }
  task<Result<net::StreamPtr>> accept(net::StreamPtr raw, Deadline deadline) override {
    patience = deadline;
    if (failures > 0) {
      --failures;
      co_return error_code(boost::asio::error::access_denied);
    }
    co_return std::move(raw);
  }
  bool encrypted() const noexcept override { return false; }
  Deadline patience{};
};

/// A listener that first fails so many times.
class Exhausted final : public net::Listener {
 public:
  Exhausted(net::ListenerPtr below, int failures) : below_(std::move(below)), failures_(failures) {}
  task<Result<net::StreamPtr>> accept() override {
    if (failures_ > 0) {
      --failures_;
      co_return error_code(boost::asio::error::no_descriptors);
    }
    co_return co_await below_->accept();
  }
  const net::Address& local() const noexcept override { return below_->local(); }
  void close() noexcept override { below_->close(); }

 private:
  net::ListenerPtr below_;
  int failures_;
};

/// A backend with three methods, and a client of it.
struct Bench {
  explicit Bench(sim::World& its_world, ServerOptions options = {}, int accept_failures = 0,
                 int handshake_failures = 0, net::Security* its_security = nullptr)
      : world(its_world),
        runtime(world.runtime()),
        go_on(runtime),
        log(test::log_into(world, "backend")),
        server_metrics(metrics),
        shared{options, lifecycle, log, server_metrics},
        channel(runtime, world.host("client"), plaintext,
                {.targets = {address}, .backoff_min = 10ms, .backoff_max = 20ms}),
        scope(runtime) {
    security.failures = handshake_failures;
    table.offer(1, "test", 1);
    table.add(echo, [](rpc::Call& call) { return give_back(call); });
    table.add(wait_traits, [this](rpc::Call&) { return wait(); });
    table.add(refuse, [](rpc::Call&) { return say_no(); });
    table.add(work_traits, [this](rpc::Call&) { return work(); });
    auto listener =
        std::make_unique<Exhausted>(world.host("backend").listen(address).value(), accept_failures);
    server = std::make_unique<Server>(runtime, its_security ? *its_security : security,
                                      std::move(listener), table, shared);
    scope.spawn("server", run());
    channel.start();
  }
  task<> run() {
    co_await server->run();
    ended = runtime.now();
  }
  static task<Reply> give_back(rpc::Call& call) {
    co_await call.runtime.sleep_for(10ms);
    co_return Reply::of(Bytes(call.message.begin(), call.message.end()));
  }
  task<Reply> wait() {
    while (waiting) co_await go_on.wait();
    co_return Reply::of({});
  }
  /// As a password's hash that has begun, it does not end earlier for a cancellation.
  task<Reply> work() {
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    while (waiting) co_await go_on.wait();
    co_return Reply::of({});
  }
  static task<Reply> say_no() { co_return Reply::refuse(test::status(Code::not_found, "nobody")); }

  task<Reply> ask(rpc::MethodTraits method, Clock::duration time = 10s) {
    rpc::CallOptions options;
    options.deadline = runtime.now() + time;
    co_return co_await channel.call(method, bytes_of("hello"), options);
  }
  task<> end() {
    waiting = false;
    go_on.notify_all();
    lifecycle.advance(Phase::draining);
    co_await channel.close();
    co_await scope.join();
  }
  double value(const std::string& name) const { return series(name).value; }
  telemetry::SeriesSnapshot series(const std::string& name) const {
    for (const auto& family : metrics.snapshot()) {
      if (family.name == name) return family.series.at(0);
    }
    ADD_FAILURE() << "no metric " << name;
    return {};
  }
  bool logged(const std::string& text) const {
    return std::ranges::any_of(world.events(), [&](const std::string& event) {
      return event.find(text) != std::string::npos;
    });
  }

  static inline const net::Address address{"backend", 7401};
  sim::World& world;
  Runtime& runtime;
  bool waiting = true;
  Condition go_on;
  telemetry::Metrics metrics;
  telemetry::Log log;
  Lifecycle lifecycle;
  ServerMetrics server_metrics;
  ServerShared shared;
  Unsafe security;
  net::Plaintext plaintext;
  rpc::ServiceTable table;
  std::unique_ptr<Server> server;
  rpc::Channel channel;
  Scope scope;
  std::optional<Clock::time_point> ended;
};

/// Whether the other side has not ended it.
bool is_open(const net::StreamPtr& stream) {
  std::uint8_t buffer[4096];
  for (;;) {
    const net::Transfer got = stream->read_some(buffer);
    if (got.bytes == 0) return got.error == boost::asio::error::would_block;
  }
}

void run(task<> (*test)(sim::World&)) {
  sim::World world(1);
  world.run(test(world));
}

task<> counts(sim::World& world) {
  Bench bench(world);
  EXPECT_EQ(bench.value("babilu_server_connections"), 0);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((co_await bench.ask(echo)).status.ok());
  EXPECT_EQ((co_await bench.ask(refuse)).status.reason, "nobody");
  EXPECT_EQ(bench.value("babilu_server_connections"), 1);
  EXPECT_EQ(bench.value("babilu_server_requests_total"), 4);
  EXPECT_EQ(bench.value("babilu_server_request_errors_total"), 1);
  const auto latency = bench.series("babilu_server_request_duration_seconds").histogram;
  EXPECT_EQ(latency.count, 4u);
  EXPECT_NEAR(latency.sum, 0.030, 0.002);
  world.cut("client", "backend");
  co_await world.runtime().sleep_for(1s);
  EXPECT_TRUE((co_await bench.ask(echo)).status.ok());
  EXPECT_EQ(bench.value("babilu_server_connections"), 1) << "the lost one is not counted any more";
  EXPECT_TRUE(bench.logged("connection ended"));
  co_await bench.channel.close();
  co_await world.runtime().sleep_for(2s);
  EXPECT_EQ(bench.value("babilu_server_connections"), 0);
  co_await bench.end();
}

TEST(Server, CountsItsLinksAndRequests) {
  run(counts);
}

task<> keep_asking(Bench& bench, rpc::MethodTraits method, std::optional<Reply>& reply) {
  reply = co_await bench.ask(method);
}

task<> drains(sim::World& world) {
  Bench bench(world, {.drain_timeout = 15s});
  co_await bench.ask(echo);
  std::optional<Reply> reply;
  Scope scope(world.runtime());
  scope.spawn("ask", keep_asking(bench, wait_traits, reply));
  co_await world.runtime().sleep_for(1s);
  bench.lifecycle.advance(Phase::draining);
  co_await world.runtime().sleep_for(2s);
  EXPECT_FALSE(bench.ended) << "a request is in flight";
  EXPECT_FALSE(reply);
  const auto newcomer =
      co_await world.host("late").connect(Bench::address, world.runtime().now() + 1s);
  EXPECT_FALSE(newcomer) << "nobody else comes in";
  bench.waiting = false;
  bench.go_on.notify_all();
  co_await scope.join();
  EXPECT_TRUE(reply && reply->status.ok());
  co_await world.runtime().sleep_for(2s);
  EXPECT_TRUE(bench.ended);
  co_await bench.end();
}

TEST(Server, DrainingAnswersWhatIsInFlight) {
  run(drains);
}

task<> drains_in_time(sim::World& world) {
  Bench bench(world, {.drain_timeout = 5s});
  co_await bench.ask(echo);
  std::optional<Reply> reply;
  Scope scope(world.runtime());
  scope.spawn("ask", keep_asking(bench, wait_traits, reply));
  co_await world.runtime().sleep_for(1s);
  const auto began = world.runtime().now();
  bench.lifecycle.advance(Phase::draining);
  co_await world.runtime().sleep_for(4900ms);
  EXPECT_FALSE(bench.ended);
  co_await world.runtime().sleep_for(3s);
  EXPECT_TRUE(bench.ended);
  if (bench.ended) EXPECT_GE(*bench.ended - began, 5s);
  EXPECT_EQ(bench.value("babilu_server_connections"), 0);
  co_await scope.join();
  EXPECT_FALSE(reply && reply->status.ok());
  co_await bench.end();
}

TEST(Server, DrainingDoesNotWaitForEver) {
  run(drains_in_time);
}

task<> drains_without_its_link(sim::World& world) {
  Bench bench(world, {.drain_timeout = 1s});
  co_await bench.ask(echo);
  std::optional<Reply> reply;
  Scope scope(world.runtime());
  scope.spawn("ask", keep_asking(bench, work_traits, reply));
  co_await world.runtime().sleep_for(1s);
  world.cut("client", "backend");
  co_await world.runtime().sleep_for(1s);
  bench.lifecycle.advance(Phase::draining);
  co_await world.runtime().sleep_for(10s);
  EXPECT_FALSE(bench.ended) << "what it works on uses what it has";
  bench.waiting = false;
  bench.go_on.notify_all();
  co_await world.runtime().sleep_for(1s);
  EXPECT_TRUE(bench.ended);
  co_await bench.end();
  co_await scope.join();
}

TEST(Server, DrainingWaitsForWorkWhoseLinkHasGone) {
  run(drains_without_its_link);
}

task<> bad_handshake(sim::World& world) {
  Bench bench(world, {.handshake_timeout = 7s}, 0, 2);
  const Reply reply = co_await bench.ask(echo);
  EXPECT_TRUE(reply.status.ok()) << "who fails keeps nobody out: " << reply.status.to_string();
  EXPECT_TRUE(bench.logged("handshake failed"));
  EXPECT_EQ(bench.value("babilu_server_connections"), 1) << "a failed one was no link";
  EXPECT_LE(bench.security.patience - world.runtime().now(), 7s);
  EXPECT_GE(bench.security.patience - world.runtime().now(), 6s);
  co_await bench.end();
}

TEST(Server, AFailedHandshakeIsNoLink) {
  run(bad_handshake);
}

task<> exhausted(sim::World& world) {
  Bench bench(world, {}, 5);
  const auto began = world.runtime().now();
  const Reply reply = co_await bench.ask(echo);
  EXPECT_TRUE(reply.status.ok()) << reply.status.to_string();
  EXPECT_GE(world.runtime().now() - began, 500ms) << "with a pause for each";
  EXPECT_TRUE(bench.logged("cannot accept"));
  co_await bench.end();
}

TEST(Server, GoesOnAcceptingWhenTheMachineWasOutOfSomething) {
  run(exhausted);
}

/// Takes whoever says something, as a handshake would.
class Shy final : public net::Security {
 public:
  task<Result<net::StreamPtr>> dial(net::StreamPtr raw, const net::Address&, Deadline) override {
    co_return std::move(raw);
  }
  task<Result<net::StreamPtr>> accept(net::StreamPtr raw, Deadline deadline) override {
    const error_code error = co_await raw->readable(deadline);
    if (error) co_return error;
    co_return std::move(raw);
  }
  bool encrypted() const noexcept override { return true; }
};

task<> silent(sim::World& world, net::Security* security) {
  Bench bench(world, {.strangers = 3}, 0, 0, security);
  std::vector<net::StreamPtr> others;
  const auto connect = [&](const char* from) {
    return world.host(from).connect(Bench::address, no_deadline);
  };
  for (int i = 0; i < 2; ++i) others.push_back((co_await connect("other")).value());
  for (int i = 0; i < 200; ++i) {
    const char* const from = i % 2 == 0 ? "other" : "another";
    others.push_back((co_await connect(from)).value());
    if (i == 100) EXPECT_TRUE((co_await bench.ask(echo)).status.ok());
  }
  co_await world.runtime().sleep_for(100ms);
  EXPECT_EQ(std::ranges::count_if(others, is_open), 3) << "of 202";
  EXPECT_TRUE(is_open(others.back())) << "the newest";
  EXPECT_FALSE(is_open(others.front())) << "the oldest";
  EXPECT_EQ(bench.value("babilu_server_strangers_closed_total"), 199);
  EXPECT_TRUE((co_await bench.ask(echo)).status.ok()) << "a proxy's link is not among them";
  others.clear();
  co_await bench.end();
}

TEST(Server, SilentConnectionsGiveWay) {
  sim::World world(1);
  Shy shy;
  world.run(silent(world, &shy));
}

TEST(Server, SilentConnectionsGiveWayWithoutCertificatesToo) {
  sim::World world(1);
  world.run(silent(world, nullptr));
}

}  // namespace
}  // namespace babilu::server
