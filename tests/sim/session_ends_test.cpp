// How sessions end: with requests under way, during a drain, and by handlers that fail.
#include <gtest/gtest.h>

#include <boost/asio/error.hpp>

#include "core/rpc/channel.h"
#include "core/runtime/runtime.h"
#include "core/server/server.h"
#include "tests/sim/stack.h"
#include "tests/support/status.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using rpc::Code;
using rpc::Reply;

constexpr rpc::MethodTraits name_method{0x0101, "test.Name"};
constexpr rpc::MethodTraits slow_method{0x0102, "test.Slow"};
constexpr rpc::MethodTraits aborting_method{0x0103, "test.Aborting"};

task<Reply> aborting(rpc::Call& call) {
  co_await call.runtime.yield();
  throw boost::system::system_error(boost::asio::error::operation_aborted);
}

/// Handshakes that end when the test says so.
class SlowHandshakes final : public net::Security {
 public:
  explicit SlowHandshakes(Runtime& runtime) : go_on(runtime) {}
  task<Result<net::StreamPtr>> dial(net::StreamPtr raw, const net::Address&, Deadline) override {
    co_return std::move(raw);
  }
  task<Result<net::StreamPtr>> accept(net::StreamPtr raw, Deadline) override {
    if (slow) co_await go_on.wait();
    co_return std::move(raw);
  }
  bool encrypted() const noexcept override { return false; }

  bool slow = false;
  Condition go_on;
};

/// A backend's server with methods of the test's.
class TestServer {
 public:
  TestServer(sim::World& world, const std::string& host)
      : security(world.runtime()),
        name_(host),
        log_(log_into(world, host)),
        observer_(metrics_),
        shared_{{}, lifecycle, log_, observer_},
        scope_(world.runtime()) {
    table_.offer(name_method.service(), "test", 1);
    table_.add(name_method, [this](rpc::Call&) { return name(); });
    table_.add(slow_method, [this](rpc::Call& call) { return slow(call); });
    table_.add(aborting_method, aborting);
    server_ = std::make_unique<server::Server>(
        world.runtime(), security, world.host(host).listen({host, 7401}).value(), table_, shared_);
    scope_.spawn("server", run(world.runtime()));
  }
  task<> join() { co_await scope_.join(); }

  SlowHandshakes security;
  Lifecycle lifecycle;
  Clock::duration delay = 10s;  ///< of a slow request
  int begun = 0;                ///< slow requests
  Clock::time_point ended{};    ///< the server

 private:
  task<> run(Runtime& runtime) {
    co_await server_->run();
    ended = runtime.now();
  }
  task<Reply> name() { co_return Reply::of(Bytes(name_.begin(), name_.end())); }
  task<Reply> slow(rpc::Call& call) {
    ++begun;
    co_await call.runtime.sleep_for(delay);
    co_return Reply::of({});
  }

  const std::string name_;
  telemetry::Metrics metrics_;
  telemetry::Log log_;
  server::ServerMetrics observer_;
  server::ServerShared shared_;
  rpc::ServiceTable table_;
  std::unique_ptr<server::Server> server_;
  Scope scope_;
};

/// A session that was dialed, as a test's own.
class Dialer {
 public:
  Dialer(sim::World& world, net::StreamPtr stream)
      : session(world.runtime(), std::move(stream), rpc::Side::dialer, none_, {}),
        runtime_(world.runtime()),
        scope_(world.runtime()) {
    scope_.spawn("session", run());
  }
  static task<std::unique_ptr<Dialer>> to(sim::World& world, std::string host) {
    auto stream = co_await world.host("client").connect({host, 7401}, no_deadline);
    co_return std::make_unique<Dialer>(world, std::move(stream).value());
  }
  void ask(const rpc::MethodTraits& method, Clock::duration time = 60s) {
    scope_.spawn("call", call(method, time));
  }
  task<> join() { co_await scope_.join(); }

  /// Of the calls that have ended, in that order.
  const rpc::Session::CallResult& result(std::size_t index) const {
    static const rpc::Session::CallResult none{Reply::refuse(rpc::Status(Code::unknown)), false};
    EXPECT_LT(index, results_.size());
    return index < results_.size() ? results_[index] : none;
  }

  rpc::Session session;

 private:
  task<> run() { co_await session.run(); }
  task<> call(const rpc::MethodTraits& method, Clock::duration time) {
    const Deadline deadline = runtime_.now() + time;
    co_await session.greeted(deadline);
    auto result = co_await session.call(method.id, {}, {.deadline = deadline});
    results_.push_back(std::move(result));
  }

  const rpc::ServiceTable none_;
  Runtime& runtime_;
  std::vector<rpc::Session::CallResult> results_;
  Scope scope_;
};

task<> until_begun(sim::World& world, const TestServer& server, int requests) {
  while (server.begun < requests) co_await world.runtime().sleep_for(1ms);
}

void run(task<> (*steps)(sim::World&)) {
  sim::World world(1);
  world.run(steps(world));
}

task<> break_while_draining(sim::World& world) {
  TestServer server(world, "a");
  auto link = co_await Dialer::to(world, "a");
  link->ask(slow_method);
  co_await until_begun(world, server, 1);
  server.lifecycle.advance(Phase::draining);
  co_await world.runtime().sleep_for(5ms);
  const auto cut = world.runtime().now();
  world.cut("client", "a");
  co_await server.join();
  EXPECT_LT(server.ended - cut, 1s) << "nothing is left to wait for";
  co_await link->join();
  EXPECT_TRUE(link->result(0).connection_lost);
}
// Sanitizers see here whether anything still looks at the session that is gone.
TEST(SessionEnds, ALinkThatBreaksWhileItsServerDrains) {
  run(break_while_draining);
}

task<> drain(sim::World& world) {
  TestServer server(world, "a");
  auto idle = co_await Dialer::to(world, "a");
  auto busy = co_await Dialer::to(world, "a");
  busy->ask(slow_method);
  co_await until_begun(world, server, 1);
  server.security.slow = true;
  auto late = co_await Dialer::to(world, "a");
  co_await world.runtime().sleep_for(1ms);
  server.lifecycle.advance(Phase::draining);
  co_await world.runtime().sleep_for(1ms);
  server.security.go_on.notify_all();
  co_await idle->join();
  co_await late->join();
  EXPECT_EQ(server.ended, Clock::time_point{}) << "one request is still under way";
  const auto began = world.runtime().now();
  co_await server.join();
  EXPECT_LT(server.ended - began, 11s) << "it waits for that, not for its timeout";
  co_await busy->join();
  EXPECT_TRUE(busy->result(0).reply.status.ok()) << busy->result(0).reply.status.to_string();
  EXPECT_FALSE(late->session.other_hello()) << "who comes during a drain is not served";
}
TEST(SessionEnds, ADrainWaitsForRequestsAndTakesNobodyElse) {
  run(drain);
}

task<> drain_timeout(sim::World& world) {
  TestServer server(world, "a");
  server.delay = 1h;
  auto link = co_await Dialer::to(world, "a");
  link->ask(slow_method);
  co_await until_begun(world, server, 1);
  const auto began = world.runtime().now();
  server.lifecycle.advance(Phase::draining);
  co_await server.join();
  EXPECT_GE(server.ended - began, server::ServerOptions{}.drain_timeout);
  EXPECT_LE(server.ended - began, server::ServerOptions{}.drain_timeout + 2s);
  co_await link->join();
  EXPECT_TRUE(link->result(0).connection_lost);
}
TEST(SessionEnds, ADrainDoesNotWaitForEver) {
  run(drain_timeout);
}

task<> leaving_server(sim::World& world) {
  TestServer a(world, "a");
  TestServer b(world, "b");
  net::Plaintext security;
  rpc::Channel channel(world.runtime(), world.host("client"), security,
                       {.targets = {{"a", 7401}, {"b", 7401}}});
  channel.start();
  struct Call {
    static task<> slow(rpc::Channel& through, Deadline deadline, Reply& reply) {
      reply = co_await through.call(slow_method, {}, {.deadline = deadline});
    }
  };
  Scope calls(world.runtime());
  Reply slow = Reply::refuse(rpc::Status(Code::unknown));
  calls.spawn("slow", Call::slow(channel, world.runtime().now() + 60s, slow));
  co_await until_begun(world, a, 1);
  a.lifecycle.advance(Phase::draining);
  co_await world.runtime().sleep_for(5ms);
  // The old session has seconds to go.
  const Reply named =
      co_await channel.call(name_method, {}, {.deadline = world.runtime().now() + 1s});
  EXPECT_EQ(text_of(named.message), "b") << named.status.to_string();
  EXPECT_EQ(slow.status.code, Code::unknown);
  co_await calls.join();
  EXPECT_TRUE(slow.status.ok()) << slow.status.to_string();
  co_await channel.close();
  b.lifecycle.advance(Phase::draining);
  co_await a.join();
  co_await b.join();
}
TEST(SessionEnds, AChannelGoesElsewhereAsSoonAsItsServerLeaves) {
  run(leaving_server);
}

/// Lets everybody in, and sends everybody away.
task<> send_away(Runtime& runtime, net::Listener& listener, int& visits) {
  const rpc::ServiceTable none;
  for (;;) {
    auto stream = co_await listener.accept();
    if (!stream) co_return;
    ++visits;
    rpc::Session session(runtime, std::move(*stream), rpc::Side::listener, none, {});
    struct Leave {
      static task<> now(rpc::Session& leaving) {
        co_await leaving.greeted(no_deadline);
        leaving.drain(no_deadline);
      }
    };
    session.scope().spawn("leave", Leave::now(session));
    co_await session.run();
  }
}

task<> turned_away(sim::World& world) {
  auto listener = world.host("a").listen({"a", 7401}).value();
  int visits = 0;
  Scope scope(world.runtime());
  scope.spawn("send away", send_away(world.runtime(), *listener, visits));
  net::Plaintext security;
  rpc::Channel channel(world.runtime(), world.host("client"), security, {.targets = {{"a", 7401}}});
  channel.start();
  co_await world.runtime().sleep_for(10s);
  EXPECT_GE(visits, 3);
  EXPECT_LE(visits, 40) << "with pauses that grow to two seconds";
  co_await channel.close();
  listener->close();
  co_await scope.join();
}
TEST(SessionEnds, AChannelThatIsSentAwayAtOnceTakesItsTime) {
  run(turned_away);
}

task<> told_why(sim::World& world) {
  auto listener = world.host("a").listen({"a", 7401}).value();
  auto link = co_await Dialer::to(world, "a");
  auto stream = co_await listener->accept();
  rpc::ServiceTable table;
  table.offer(slow_method.service(), "test", 1);
  table.add(slow_method, [](rpc::Call& call) {
    struct Forever {
      static task<Reply> wait(Runtime& runtime) {
        co_await runtime.sleep_for(1h);
        co_return Reply::of({});
      }
    };
    return Forever::wait(call.runtime);
  });
  rpc::Session session(world.runtime(), std::move(stream).value(), rpc::Side::listener, table, {});
  struct Serve {
    static task<> run(rpc::Session& served) { co_await served.run(); }
  };
  Scope scope(world.runtime());
  scope.spawn("serve", Serve::run(session));
  link->ask(slow_method);
  co_await world.runtime().sleep_for(10ms);
  session.close(test::status(Code::resource_exhausted, "too_many", "there are too many of you"));
  co_await link->join();
  co_await scope.join();
  EXPECT_TRUE(link->result(0).connection_lost);
  const rpc::Status& why = link->result(0).reply.status;
  EXPECT_EQ(why.code, Code::unavailable);
  EXPECT_EQ(why.reason, "connection_lost");
  EXPECT_NE(why.message.find("there are too many of you"), std::string::npos) << why.message;
}
TEST(SessionEnds, CallsThatWaitAreToldWhy) {
  run(told_why);
}

task<> aborting_handler(sim::World& world) {
  int failures = 0;
  world.runtime().on_failure([&](std::string_view, std::exception_ptr) { ++failures; });
  TestServer server(world, "a");
  auto link = co_await Dialer::to(world, "a");
  // Unanswered it would be cancelled at its deadline, and found by its tag.
  link->ask(aborting_method, 1s);
  co_await world.runtime().sleep_for(2s);
  EXPECT_EQ(link->result(0).reply.status.code, Code::internal);
  EXPECT_EQ(failures, 1) << "it is logged as the bug that it is";

  link->ask(name_method);
  link->ask(slow_method);
  co_await until_begun(world, server, 1);
  world.cut("client", "a");
  co_await link->join();
  EXPECT_TRUE(link->result(2).connection_lost);
  EXPECT_TRUE(link->result(1).reply.status.ok());
  EXPECT_EQ(failures, 1) << "that a connection ends is no bug of the handlers on it";
  server.lifecycle.advance(Phase::draining);
  co_await server.join();
}
TEST(SessionEnds, AHandlerThatSaysAbortedIsAnsweredFor) {
  run(aborting_handler);
}

}  // namespace
}  // namespace babilu::test
