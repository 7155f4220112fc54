// A connection whose replies are larger than what may wait.
#include <gtest/gtest.h>

#include "core/net/memory.h"
#include "core/rpc/connection.h"
#include "core/runtime/runtime.h"
#include "core/sim/world.h"
#include "core/wire/envelope.pb.h"

namespace babilu::rpc {
namespace {

using namespace std::chrono_literals;

/// Answers with 200 KiB.
class Generous final : private Connection::Handler {
 public:
  Generous(Runtime& runtime, net::StreamPtr stream)
      : connection_(runtime, std::move(stream), Side::listener, options_, *this) {
    connection_.greet({});
  }
  task<Status> run() { return connection_.run(); }

 private:
  void on_request(const wire::Frame& frame, Multiplexer::Tag&) override {
    connection_.multiplexer().reply(frame.header.stream, Reply::of(Bytes(200 * 1024, 1)));
  }
  void on_reply(const wire::Frame&, Multiplexer::Tag) override {}

  const ConnectionOptions options_;
  Connection connection_;
};

class Asking final : private Connection::Handler {
 public:
  Asking(Runtime& runtime, net::StreamPtr stream)
      : connection_(runtime, std::move(stream), Side::dialer, options_, *this) {
    connection_.greet({});
  }
  task<Status> run() { return connection_.run(); }
  void ask(int requests) {
    for (int i = 0; i < requests; ++i) connection_.multiplexer().request({}, {}, {}, 1);
    connection_.flush();
  }
  void close() { connection_.close({}); }

  int answered = 0;
  bool greeted = false;

 private:
  void on_hello(const wire::Hello&) override { greeted = true; }
  void on_request(const wire::Frame&, Multiplexer::Tag&) override {}
  void on_reply(const wire::Frame&, Multiplexer::Tag) override { ++answered; }

  const ConnectionOptions options_;
  Connection connection_;
};

task<> serve(Generous& generous, Status& outcome) {
  outcome = co_await generous.run();
}
task<> ask(Asking& asking) {
  co_await asking.run();
}

task<> goes_on(sim::World& world) {
  Runtime& runtime = world.runtime();
  // After two of three requests, one in each read, the reader rests; then the stream takes at once
  // all that was too much to wait.
  net::MemoryPair pair = net::make_memory_pair(
      runtime, {.capacity = 4 * 1024 * 1024, .max_segment = wire::header_bytes});
  Generous generous(runtime, std::move(pair.a));
  Asking asking(runtime, std::move(pair.b));
  Status outcome(Code::unknown);
  Scope scope(runtime);
  scope.spawn("serve", serve(generous, outcome));
  scope.spawn("ask", ask(asking));
  while (!asking.greeted) co_await runtime.sleep_for(1ms);
  for (int round = 1; round <= 3; ++round) {
    asking.ask(3);
    co_await runtime.sleep_for(50ms);
    EXPECT_EQ(asking.answered, 3 * round);
  }
  asking.close();
  co_await scope.join();
  EXPECT_TRUE(outcome.ok()) << outcome.to_string();
}

TEST(Connection, GoesOnReadingOnceItsRepliesHaveLeft) {
  sim::World world(1);
  world.run(goes_on(world));
}

}  // namespace
}  // namespace babilu::rpc
