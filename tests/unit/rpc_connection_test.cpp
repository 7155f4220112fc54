// One connection against an end that says what the test wants: its times, its bounds, its end.
#include "core/rpc/connection.h"

#include <gtest/gtest.h>

#include "core/runtime/waiter.h"
#include "tests/support/status.h"
#include "tests/unit/rpc_support.h"

namespace babilu::rpc {
namespace {

using namespace std::chrono_literals;
using testing::Arrived;
using testing::RawEnd;
using wire::Kind;

/// A connection under test. Answers each request with so many bytes, or keeps it.
class Tested final : public Connection::Handler {
 public:
  Tested(Runtime& runtime, net::StreamPtr stream, Side side, ConnectionOptions given)
      : options(given), connection(runtime, std::move(stream), side, options, *this) {}

  void on_hello(const wire::Hello&) override { greeted = true; }
  void on_request(const wire::Frame& frame, Multiplexer::Tag&) override {
    if (fails) throw std::runtime_error("a bug");
    ++requests;
    if (answers) answer(frame.header.stream);
  }
  void on_reply(const wire::Frame&, Multiplexer::Tag) override { ++replies; }
  void on_goaway(std::uint32_t, const Status& why) override { goaways.push_back(why); }
  void on_over() override { ++over; }

  void answer(std::uint32_t stream) {
    connection.multiplexer().reply(stream, Reply::of(Bytes(reply_bytes, 7)));
    connection.flush();
  }

  const ConnectionOptions options;
  bool greeted = false;
  bool answers = true;
  bool fails = false;
  std::size_t reply_bytes = 10;
  int requests = 0;
  int replies = 0;
  int over = 0;
  std::vector<Status> goaways;
  std::optional<Status> outcome;
  bool cancelled = false;
  Connection connection;
};

task<> serve(Tested& tested) {
  try {
    tested.connection.greet({});
    tested.outcome = co_await tested.connection.run();
  } catch (const boost::system::system_error& error) {
    tested.cancelled = error.code() == boost::asio::error::operation_aborted;
  }
}

/// The connection, the other end, and how to end both.
struct Bench {
  explicit Bench(sim::World& world, ConnectionOptions options = {}, Side side = Side::listener,
                 net::MemoryOptions cable = {})
      : Bench(world, options, net::make_memory_pair(world.runtime(), std::move(cable)), side) {}
  Bench(sim::World& world, ConnectionOptions options, net::MemoryPair pair, Side side)
      : runtime(world.runtime()),
        began(runtime.now()),
        cable(pair.cable),
        other(runtime, std::move(pair.b)),
        tested(runtime, std::move(pair.a), side, options),
        scope(runtime) {
    scope.spawn("serve", serve(tested));
  }
  /// Both have said hello.
  task<> greeted() {
    other.hello();
    co_await other.next(Kind::hello);
    co_await pause(1ms);
    EXPECT_TRUE(tested.greeted);
  }
  task<> pause(Clock::duration time) { co_await runtime.sleep_for(time); }
  task<> at(Clock::duration since) { co_await runtime.sleep_until(began + since); }
  task<> end() {
    co_await other.close();
    co_await scope.close();
  }
  std::string outcome() const {
    if (!tested.outcome) return "none";
    if (tested.outcome->ok()) return "ok";
    return std::string(to_string(tested.outcome->code)) + " " + tested.outcome->reason;
  }

  Runtime& runtime;
  const Clock::time_point began;
  std::shared_ptr<net::MemoryCable> cable;
  RawEnd other;
  Tested tested;
  Scope scope;
};

void run(task<> (*test)(sim::World&)) {
  sim::World world(1);
  world.run(test(world));
}

// Its times.

task<> no_hello(sim::World& world) {
  for (const bool half : {false, true}) {
    Bench bench(world, {.hello_timeout = 5s, .frame_timeout = 60s});
    if (half) {
      co_await bench.at(4s);
      bench.other.send_bytes(Bytes(10, 0));
    }
    co_await bench.at(4900ms);
    EXPECT_EQ(bench.outcome(), "none");
    EXPECT_TRUE(bench.other.of(Kind::goaway).empty());
    co_await bench.at(5100ms);
    const Arrived goaway = co_await bench.other.next(Kind::goaway);
    EXPECT_EQ(goaway.detail().reason(), "no_hello");
    co_await bench.at(7s);
    EXPECT_EQ(bench.outcome(), "deadline_exceeded no_hello") << half;
    co_await bench.end();
  }
}

TEST(ConnectionTimes, AHelloMustComeInTimeAndWhole) {
  run(no_hello);
}

task<> slow_frame(sim::World& world) {
  for (const Clock::duration ping_after : {3s, 40s}) {
    Bench bench(world, {.frame_timeout = 10s, .ping_after = ping_after, .ping_timeout = 100s});
    co_await bench.greeted();
    const auto began = bench.runtime.now();
    Buffer frame;
    wire::append(frame, {.kind = Kind::request, .flags = 1, .stream = 1}, {}, Bytes(100, 0));
    // A byte now and then is no excuse.
    for (std::size_t i = 0; i < 9; ++i) {
      bench.other.send_bytes(ByteView(frame).subspan(i, 1));
      co_await bench.pause(1s);
    }
    EXPECT_EQ(bench.outcome(), "none");
    EXPECT_TRUE(bench.other.of(Kind::goaway).empty());
    co_await bench.runtime.sleep_until(began + 10100ms);
    EXPECT_EQ((co_await bench.other.next(Kind::goaway)).detail().reason(), "frame_too_slow");
    co_await bench.pause(2s);
    EXPECT_EQ(bench.outcome(), "deadline_exceeded frame_too_slow");
    co_await bench.end();
  }
}

TEST(ConnectionTimes, AFrameThatHasBegunMustBeWholeInTime) {
  run(slow_frame);
}

task<> slow_frame_after_hello(sim::World& world) {
  Bench bench(world, {.frame_timeout = 10s, .ping_after = 40s, .ping_timeout = 100s});
  co_await bench.pause(1s);
  Buffer both;
  wire::append(both, {.kind = Kind::hello}, {}, bytes_of(RawEnd::hello_text()));
  both.append(Bytes(5, 0));  // the beginning of a frame in the same breath
  bench.other.send_bytes(both);
  co_await bench.at(10s);
  EXPECT_TRUE(bench.tested.greeted);
  EXPECT_EQ(bench.outcome(), "none");
  co_await bench.at(13s);
  EXPECT_EQ(bench.outcome(), "deadline_exceeded frame_too_slow");
  co_await bench.end();
}

TEST(ConnectionTimes, AlsoAFrameThatBeganWithTheHello) {
  run(slow_frame_after_hello);
}

task<> never_between_frames(sim::World& world) {
  for (const Clock::duration ping_after : {3s, 40s}) {
    Bench bench(world, {.frame_timeout = 10s, .ping_after = ping_after, .ping_timeout = 100s});
    co_await bench.greeted();
    Buffer frame;
    wire::append(frame, {.kind = Kind::ping, .value = 5}, {}, {});
    bench.other.send_bytes(ByteView(frame).first(10));
    // Each piece ends one frame and begins the next.
    for (int i = 0; i < 30; ++i) {
      co_await bench.pause(1s);
      Buffer piece;
      piece.append(ByteView(frame).subspan(10));
      piece.append(ByteView(frame).first(10));
      bench.other.send_bytes(piece);
    }
    co_await bench.pause(1ms);
    EXPECT_EQ(bench.outcome(), "none");
    EXPECT_EQ(bench.other.of(Kind::pong).size(), 30u);
    co_await bench.pause(9900ms);
    EXPECT_TRUE(bench.other.of(Kind::goaway).empty());
    co_await bench.pause(2s);
    EXPECT_EQ(bench.outcome(), "deadline_exceeded frame_too_slow") << "the last one counts";
    co_await bench.end();
  }
}

TEST(ConnectionTimes, AFrameHasItsTimeAlsoWhereReadsNeverEndBetweenFrames) {
  run(never_between_frames);
}

task<> large_then_quiet(sim::World& world) {
  for (const Side side : {Side::dialer, Side::listener}) {
    Bench bench(world, {.frame_timeout = 15s, .ping_after = 2s, .ping_timeout = 3s}, side);
    co_await bench.greeted();
    bench.other.answers_pings = true;
    Buffer frame;
    wire::append(frame, {.kind = Kind::ping, .value = 5}, {}, {});
    bench.other.send_bytes(ByteView(frame).first(10));
    co_await bench.pause(100ms);
    bench.other.send_bytes(ByteView(frame).subspan(10));
    co_await bench.pause(60s);
    EXPECT_EQ(bench.outcome(), "none");
    EXPECT_GE(bench.other.of(Kind::ping).size(), 19u) << "asked as often as ever";
    co_await bench.end();
  }
}

TEST(ConnectionTimes, AFrameInPiecesDoesNotPutOffThePing) {
  run(large_then_quiet);
}

task<> frames_in_time(sim::World& world) {
  Bench bench(world, {.frame_timeout = 10s, .ping_after = 5s, .ping_timeout = 100s});
  co_await bench.greeted();
  Buffer frame;
  wire::append(frame, {.kind = Kind::ping, .value = 5}, {}, {});
  // Each takes 8 s and is followed by the next: the time of one does not count for another.
  for (int i = 0; i < 5; ++i) {
    bench.other.send_bytes(ByteView(frame).first(10));
    co_await bench.pause(8s);
    bench.other.send_bytes(ByteView(frame).subspan(10));
    co_await bench.pause(1ms);
  }
  EXPECT_EQ(bench.outcome(), "none");
  EXPECT_EQ(bench.other.of(Kind::pong).size(), 5u);
  co_await bench.end();
}

TEST(ConnectionTimes, TheTimeOfOneFrameIsNotCountedForTheNext) {
  run(frames_in_time);
}

task<> silence(sim::World& world) {
  for (const Side side : {Side::dialer, Side::listener}) {
    Bench bench(world, {.ping_after = 15s, .ping_timeout = 5s}, side);
    co_await bench.greeted();
    co_await bench.at(14s);
    EXPECT_TRUE(bench.other.of(Kind::ping).empty());
    co_await bench.at(15100ms);
    EXPECT_EQ(bench.other.of(Kind::ping).size(), 1u);
    co_await bench.at(19900ms);
    EXPECT_EQ(bench.outcome(), "none");
    EXPECT_EQ(bench.other.of(Kind::ping).size(), 1u) << "asked once";
    co_await bench.at(20100ms);
    EXPECT_EQ(bench.outcome(), "unavailable no_pong");
    EXPECT_TRUE(bench.other.ended);
    co_await bench.end();
  }
}

TEST(ConnectionTimes, WhoIsSilentIsAskedAndThenGivenUp) {
  run(silence);
}

task<> answers_pings(sim::World& world) {
  Bench bench(world, {.ping_after = 15s, .ping_timeout = 5s});
  co_await bench.greeted();
  for (std::size_t i = 1; i <= 20; ++i) {
    co_await bench.other.next(Kind::ping, i);
    co_await bench.pause(4s);
    bench.other.send({.kind = Kind::pong});
  }
  EXPECT_EQ(bench.outcome(), "none");
  EXPECT_LE(bench.runtime.now() - bench.began, 20 * 20s);
  co_await bench.end();
}

TEST(ConnectionTimes, WhoAnswersPingsStays) {
  run(answers_pings);
}

task<> busy(sim::World& world) {
  Bench bench(world, {.ping_after = 15s, .ping_timeout = 5s});
  co_await bench.greeted();
  for (std::uint32_t i = 0; i < 20; ++i) {
    bench.other.request(2 * i + 1);
    co_await bench.pause(10s);
  }
  EXPECT_TRUE(bench.other.of(Kind::ping).empty()) << "who talks need not be asked";
  EXPECT_EQ(bench.tested.requests, 20);
  co_await bench.end();
}

TEST(ConnectionTimes, WhoTalksIsNotAsked) {
  run(busy);
}

task<> answer_pings(Bench& bench, const bool& enough) {
  std::size_t answered = 0;
  while (!enough) {
    co_await bench.pause(100ms);
    if (bench.other.ended || bench.other.of(Kind::ping).size() == answered) continue;
    bench.other.send({.kind = Kind::pong});
    ++answered;
  }
}

/// A stream of which nobody hears that there is something to read, as while a process is stopped.
class Unheard final : public net::Stream {
 public:
  explicit Unheard(net::StreamPtr below) : below_(std::move(below)) {}
  net::Transfer read_some(MutableByteView buffer) override { return below_->read_some(buffer); }
  net::Transfer write_some(ByteView bytes) override { return below_->write_some(bytes); }
  task<error_code> readable(Deadline deadline) override { return below_->readable(deadline); }
  bool when_readable(Waiter& waiter) override {
    waiter.stand_at(place_);
    return false;
  }
  task<error_code> writable(Deadline deadline) override { return below_->writable(deadline); }
  void shutdown() noexcept override { below_->shutdown(); }
  void close() noexcept override { below_->close(); }
  const net::Address& remote() const noexcept override { return below_->remote(); }

 private:
  net::StreamPtr below_;
  Waiter* place_ = nullptr;
};

net::MemoryPair unheard(sim::World& world) {
  net::MemoryPair pair = net::make_memory_pair(world.runtime());
  pair.a = std::make_unique<Unheard>(std::move(pair.a));
  return pair;
}

task<> read_first(sim::World& world) {
  for (const Side side : {Side::dialer, Side::listener}) {
    Bench bench(world,
                {.hello_timeout = 5s, .frame_timeout = 10s, .ping_after = 2s, .ping_timeout = 3s},
                unheard(world), side);
    bench.other.answers_pings = true;
    bench.other.hello();
    co_await bench.at(4s);
    EXPECT_FALSE(bench.tested.greeted);
    co_await bench.at(6s);
    EXPECT_TRUE(bench.tested.greeted) << "the hello was there";
    co_await bench.at(60s);
    EXPECT_EQ(bench.outcome(), "none") << "the pongs are there";
    EXPECT_GE(bench.other.of(Kind::ping).size(), 10u);
    co_await bench.end();
  }
}

TEST(ConnectionTimes, WhatIsThereIsReadBeforeATimeIsUp) {
  run(read_first);
}

task<> rest_of_a_frame(sim::World& world) {
  Bench bench(world,
              {.hello_timeout = 1s, .frame_timeout = 10s, .ping_after = 3s, .ping_timeout = 60s},
              unheard(world), Side::listener);
  bench.other.hello();
  Buffer frame;
  wire::append(frame, {.kind = Kind::request, .flags = 1, .stream = 1}, {}, Bytes(200'000, 0));
  bench.other.send_bytes(ByteView(frame).first(10));
  co_await bench.at(8s);  // the beginning was read with the hello, and nothing after 4 s
  bench.other.send_bytes(ByteView(frame).subspan(10));
  co_await bench.at(12s);
  EXPECT_EQ(bench.outcome(), "none");
  EXPECT_EQ(bench.tested.requests, 1) << "also where it takes several reads";
  co_await bench.end();
}

TEST(ConnectionTimes, AlsoTheRestOfAFrame) {
  run(rest_of_a_frame);
}

task<> stopped(sim::World& world) {
  for (const Side side : {Side::dialer, Side::listener}) {
    Bench bench(world, {.ping_after = 2s, .ping_timeout = 3s}, side);
    co_await bench.greeted();
    bench.other.answers_pings = true;
    // While all is quiet, and with a ping on its way; shorter than the limits, and longer.
    for (const auto until : {1s, 2s}) {
      for (const auto pause : {2s, 4s, 6s, 600s}) {
        const std::size_t pings = bench.other.of(Kind::ping).size();
        co_await bench.other.next(Kind::ping, pings + 1);
        if (until == 1s) co_await bench.pause(1s);
        world.stand_still(pause);
        co_await bench.pause(10s);
        EXPECT_EQ(bench.outcome(), "none") << pause.count();
      }
    }
    bench.other.answers_pings = false;
    co_await bench.pause(6s);
    EXPECT_EQ(bench.outcome(), "unavailable no_pong") << "but its silence counts";
    co_await bench.end();
  }
}

task<> stopped_in_a_frame(sim::World& world) {
  Bench bench(world, {.frame_timeout = 10s, .ping_after = 1h});
  co_await bench.greeted();
  Buffer frame;
  wire::append(frame, {.kind = Kind::request, .flags = 1, .stream = 1}, {}, Bytes(100, 0));
  bench.other.send_bytes(ByteView(frame).first(10));
  co_await bench.pause(1s);
  world.stand_still(600s);
  co_await bench.pause(9s);
  EXPECT_EQ(bench.outcome(), "none");
  bench.other.send_bytes(ByteView(frame).subspan(10));
  co_await bench.pause(1ms);
  EXPECT_EQ(bench.tested.requests, 1);
  co_await bench.end();
}

TEST(ConnectionTimes, NorIsItAgainstAFrameOnItsWay) {
  run(stopped_in_a_frame);
}

task<> both_stopped(sim::World& world) {
  Bench bench(world, {.ping_after = 2s, .ping_timeout = 3s}, Side::dialer, {.latency = 500ms});
  co_await bench.greeted();
  bench.other.answers_pings = true;
  co_await bench.at(2600ms);  // the ping has been sent, and did not arrive
  EXPECT_TRUE(bench.other.of(Kind::ping).empty());
  world.stand_still(600s);
  co_await bench.pause(1min);
  EXPECT_EQ(bench.outcome(), "none");
  co_await bench.end();
}

TEST(ConnectionTimes, NorThatBothWereStopped) {
  run(both_stopped);
}

TEST(ConnectionTimes, OurOwnStopIsNotHeldAgainstTheOther) {
  run(stopped);
}

task<> stopped_before_a_hello(sim::World& world) {
  for (const Side side : {Side::dialer, Side::listener}) {
    Bench bench(world, {.hello_timeout = 5s, .ping_after = 60s}, side);
    co_await bench.at(1s);
    world.stand_still(600s);
    co_await bench.pause(4s);
    EXPECT_EQ(bench.outcome(), "none");
    bench.other.hello();
    co_await bench.pause(20s);
    EXPECT_TRUE(bench.tested.greeted);
    EXPECT_EQ(bench.outcome(), "none");
    co_await bench.end();

    Bench silent(world, {.hello_timeout = 5s, .ping_after = 60s}, side);
    co_await silent.at(1s);
    world.stand_still(600s);
    co_await silent.pause(11s);
    EXPECT_EQ(silent.outcome(), "deadline_exceeded no_hello") << "but its silence counts";
    co_await silent.end();
  }
}

TEST(ConnectionTimes, NorThatAHelloDidNotComeMeanwhile) {
  run(stopped_before_a_hello);
}

task<> idle_in_time(sim::World& world) {
  Bench bench(world, {.ping_after = 15s, .ping_timeout = 5s, .idle_timeout = 3s});
  co_await bench.greeted();
  co_await bench.at(2s);
  bench.other.request(1);
  co_await bench.at(4900ms);
  EXPECT_TRUE(bench.other.of(Kind::goaway).empty());
  co_await bench.at(5100ms);
  EXPECT_EQ(bench.other.of(Kind::goaway).size(), 1u) << "not with the next ping";
  co_await bench.end();

  // Of one who waits for an answer, soon after that.
  Bench waits(world, {.ping_after = 15s, .ping_timeout = 5s, .idle_timeout = 3s});
  co_await waits.greeted();
  waits.other.answers_pings = true;
  waits.tested.answers = false;
  waits.other.request(1);
  co_await waits.at(40s);
  EXPECT_EQ(waits.outcome(), "none");
  EXPECT_TRUE(waits.other.of(Kind::goaway).empty());
  waits.tested.answer(1);
  co_await waits.at(43100ms);
  EXPECT_EQ(waits.other.of(Kind::goaway).size(), 1u);
  co_await waits.end();
}

TEST(ConnectionTimes, AnIdleListenerEndsInTime) {
  run(idle_in_time);
}

task<> idle(sim::World& world) {
  Bench bench(world, {.ping_after = 2s, .ping_timeout = 2s, .idle_timeout = 60s});
  bool enough = false;
  Scope scope(world.runtime());
  co_await bench.greeted();
  scope.spawn("pongs", answer_pings(bench, enough));
  co_await bench.at(30s);
  bench.other.request(1);
  co_await bench.at(80s);
  EXPECT_EQ(bench.outcome(), "none") << "the last request was 50 s ago";
  bench.tested.answers = false;
  bench.other.request(3);
  co_await bench.at(300s);
  EXPECT_EQ(bench.outcome(), "none") << "a request is unanswered";
  bench.tested.answer(3);
  co_await bench.at(310s);
  enough = true;
  co_await scope.join();
  EXPECT_EQ(bench.outcome(), "ok") << "in order: nobody did anything wrong";
  const auto goaways = bench.other.of(Kind::goaway);
  EXPECT_EQ(goaways.size(), 1u);
  if (!goaways.empty()) EXPECT_EQ(goaways[0].detail().code(), 0u);
  co_await bench.end();
}

TEST(ConnectionTimes, AnIdleListenerEndsInOrder) {
  run(idle);
}

task<> never_idle(sim::World& world) {
  struct Case {
    Side side;
    Clock::duration timeout;
  };
  for (const Case& one : {Case{Side::dialer, 60s}, Case{Side::listener, 0s}}) {
    Bench bench(world, {.ping_after = 2s, .ping_timeout = 2s, .idle_timeout = one.timeout},
                one.side);
    bool enough = false;
    Scope scope(world.runtime());
    co_await bench.greeted();
    scope.spawn("pongs", answer_pings(bench, enough));
    co_await bench.at(600s);
    EXPECT_EQ(bench.outcome(), "none");
    enough = true;
    co_await scope.join();
    co_await bench.end();
  }
}

TEST(ConnectionTimes, ADialerIsNeverIdleNorIsWhoHasNoLimit) {
  run(never_idle);
}

// Its bounds.

/// What the other end gives is taken request by request, as if each came alone.
net::MemoryOptions narrow() {
  return {.capacity = 4096, .max_segment = wire::header_bytes};
}

task<> over_soft(sim::World& world) {
  Bench bench(world, {.outbox = {.soft = 2000, .stall = 10h}, .ping_after = 2s, .ping_timeout = 2s},
              Side::listener, narrow());
  co_await bench.greeted();
  bench.tested.reply_bytes = 1000;
  bench.other.be_deaf();
  for (std::uint32_t i = 0; i < 50; ++i) {
    bench.other.request(2 * i + 1);
    co_await bench.pause(10ms);
  }
  // 4 KiB are on their way and 2,000 bytes wait, and what was one more.
  EXPECT_GE(bench.tested.requests, 5);
  EXPECT_LE(bench.tested.requests, 8) << "who takes no replies may not ask for more";
  const int taken = bench.tested.requests;
  co_await bench.pause(10min);
  EXPECT_EQ(bench.tested.requests, taken);
  EXPECT_EQ(bench.outcome(), "none") << "silent, as nobody listens: not held against it";
  bench.other.be_deaf(false);
  co_await bench.other.next(Kind::reply, 50);
  EXPECT_EQ(bench.tested.requests, 50);
  EXPECT_EQ(bench.outcome(), "none");
  co_await bench.end();
}

TEST(ConnectionBounds, AListenerReadsNoMoreWhileItsRepliesDoNotLeave) {
  run(over_soft);
}

task<> dialer_reads_on(sim::World& world) {
  Bench bench(world, {.outbox = {.soft = 2000, .stall = 10h}}, Side::dialer, narrow());
  co_await bench.greeted();
  bench.tested.reply_bytes = 1000;
  bench.other.be_deaf();
  for (std::uint32_t i = 1; i <= 50; ++i) {
    bench.other.request(2 * i);
    co_await bench.pause(10ms);
  }
  EXPECT_EQ(bench.tested.requests, 50) << "else two could wait for each other";
  co_await bench.end();
}

TEST(ConnectionBounds, ADialerReadsOn) {
  run(dialer_reads_on);
}

task<> paused(sim::World& world) {
  Bench bench(world, {.frame_timeout = 5s, .ping_after = 2s, .ping_timeout = 2s});
  co_await bench.greeted();
  bench.tested.connection.pause_reading(true);
  bench.tested.connection.pause_reading(true);
  bench.other.request(1);
  // What comes in the very wait that was on is read, not more.
  co_await bench.pause(10ms);
  bench.other.request(3);
  co_await bench.pause(1h);
  EXPECT_LE(bench.tested.requests, 1);
  EXPECT_EQ(bench.outcome(), "none");
  bench.tested.connection.pause_reading(false);
  co_await bench.pause(10ms);
  EXPECT_EQ(bench.tested.requests, 2);
  EXPECT_EQ(bench.outcome(), "none") << "it could not answer while nobody listened";
  // And from now on its silence counts again.
  co_await bench.pause(5s);
  EXPECT_EQ(bench.outcome(), "unavailable no_pong");
  co_await bench.end();
}

TEST(ConnectionBounds, NothingIsReadWhilePausedAndSilenceIsNotHeldAgainstTheOther) {
  run(paused);
}

task<> paused_in_a_frame(sim::World& world) {
  Bench bench(world, {.frame_timeout = 5s, .ping_after = 60s});
  co_await bench.greeted();
  Buffer frame;
  wire::append(frame, {.kind = Kind::request, .flags = 1, .stream = 1}, {}, {});
  bench.other.send_bytes(ByteView(frame).first(10));
  co_await bench.pause(1s);
  bench.tested.connection.pause_reading(true);
  bench.other.send_bytes(ByteView(frame).subspan(10, 1));
  co_await bench.pause(1min);
  bench.tested.connection.pause_reading(false);
  co_await bench.pause(4s);
  EXPECT_EQ(bench.outcome(), "none") << "the frame has its whole time again";
  bench.other.send_bytes(ByteView(frame).subspan(11));
  co_await bench.pause(1s);
  EXPECT_EQ(bench.tested.requests, 1);
  co_await bench.end();
}

TEST(ConnectionBounds, AFrameThatWaitedOutAPauseHasItsTimeAgain) {
  run(paused_in_a_frame);
}

task<> stalled(sim::World& world) {
  Bench bench(world, {.outbox = {.soft = 100'000, .stall = 30s}, .ping_after = 10h}, Side::listener,
              {.capacity = 100});
  co_await bench.greeted();
  bench.tested.reply_bytes = 1000;
  bench.other.be_deaf();
  bench.other.request(1);
  co_await bench.pause(29s);
  EXPECT_EQ(bench.outcome(), "none");
  co_await bench.pause(2s);
  EXPECT_EQ(bench.outcome(), "unavailable connection_lost");
  bench.other.be_deaf(false);
  co_await bench.end();
}

TEST(ConnectionBounds, WhoTakesNothingForTooLongIsDropped) {
  run(stalled);
}

task<> stalled_in_a_frame(sim::World& world) {
  // Far below the soft limit, so that the rest of the frame would be read.
  Bench bench(world,
              {.outbox = {.soft = 100'000, .stall = 30s},
               .frame_timeout = 15s,
               .ping_after = 15s,
               .ping_timeout = 5s},
              Side::listener, {.capacity = 100});
  co_await bench.greeted();
  bench.tested.reply_bytes = 1000;
  bench.other.be_deaf();
  bench.other.request(1);
  co_await bench.pause(1ms);
  bench.other.send_bytes(Bytes(10, 0));
  co_await bench.pause(29s);
  EXPECT_EQ(bench.outcome(), "none") << "one limit counts for who takes nothing, not three";
  co_await bench.pause(2s);
  EXPECT_EQ(bench.outcome(), "unavailable connection_lost");
  bench.other.be_deaf(false);
  co_await bench.end();
}

TEST(ConnectionBounds, WhoTakesNothingHasNoOtherTime) {
  run(stalled_in_a_frame);
}

task<> takes_after_all(sim::World& world) {
  Bench bench(world,
              {.outbox = {.soft = 100'000, .stall = 30s},
               .frame_timeout = 15s,
               .ping_after = 15s,
               .ping_timeout = 60s},
              Side::listener, {.capacity = 100});
  co_await bench.greeted();
  bench.tested.reply_bytes = 1000;
  bench.other.be_deaf();
  bench.other.request(1);
  co_await bench.pause(1ms);
  bench.other.send_bytes(Bytes(10, 0));
  co_await bench.pause(14s);
  bench.other.be_deaf(false);
  co_await bench.other.next(Kind::reply);
  co_await bench.pause(14s);
  EXPECT_EQ(bench.outcome(), "none") << "no time was held against it meanwhile";
  EXPECT_TRUE(bench.other.of(Kind::goaway).empty());
  co_await bench.pause(3s);
  EXPECT_EQ(bench.outcome(), "deadline_exceeded frame_too_slow") << "but from then on";
  co_await bench.end();
}

TEST(ConnectionBounds, WhoTakesSomethingAfterAllHasItsTimesAgain) {
  run(takes_after_all);
}

/// A stream that has more to read as soon as some was read, like TLS over what comes steadily. Of
/// each read it fills a part.
class Steady final : public net::Stream {
 public:
  Steady(net::StreamPtr below, std::size_t reads) : below_(std::move(below)), left_(reads) {
    wire::append(next_, {.kind = Kind::hello}, {}, bytes_of(RawEnd::hello_text()));
  }
  net::Transfer read_some(MutableByteView buffer) override {
    if (left_ == 0) return {0, boost::asio::error::would_block};
    --left_;
    ++reads;
    const std::size_t size = next_.size();
    std::ranges::copy(ByteView(next_), buffer.begin());
    next_.clear();
    wire::append(next_, {.kind = Kind::pong}, {}, {});
    return {size, {}};
  }
  net::Transfer write_some(ByteView bytes) override { return below_->write_some(bytes); }
  task<error_code> readable(Deadline deadline) override { return below_->readable(deadline); }
  bool when_readable(Waiter& waiter) override {
    if (left_ > 0) return true;
    waiter.stand_at(place_);
    return false;
  }
  task<error_code> writable(Deadline deadline) override { return below_->writable(deadline); }
  void shutdown() noexcept override { below_->shutdown(); }
  void close() noexcept override { below_->close(); }
  const net::Address& remote() const noexcept override { return below_->remote(); }

  std::size_t reads = 0;

 private:
  net::StreamPtr below_;
  std::size_t left_;
  Buffer next_;
  Waiter* place_ = nullptr;
};

/// Looks in each turn of the loop how much was read since the last one.
struct Bystander {
  Runtime& runtime;
  const Steady& stream;
  std::size_t seen = 0;
  std::size_t most = 0;
  int looks = 0;

  /// Not for ever: a simulation's time passes when nobody has anything to do.
  void look() {
    if (++looks > 3000) return;
    most = std::max(most, stream.reads - std::exchange(seen, stream.reads));
    runtime.post([this] { look(); });
  }
};

task<> steady(sim::World& world) {
  for (const Side side : {Side::listener, Side::dialer}) {
    net::MemoryPair pair = net::make_memory_pair(world.runtime());
    auto stream = std::make_unique<Steady>(std::move(pair.a), 1000);
    const Steady& read_from = *stream;
    pair.a = std::move(stream);
    Bystander bystander{world.runtime(), read_from};
    bystander.look();
    Bench bench(world, {}, std::move(pair), side);
    co_await bench.pause(1s);
    EXPECT_EQ(read_from.reads, 1000u);
    EXPECT_LE(bystander.most, 2u) << "others have a turn, too";
    co_await bench.end();
  }
}

TEST(ConnectionBounds, OthersHaveATurnWhileSomebodySendsSteadily) {
  run(steady);
}

// Its end.

task<> closes(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.other.request(1);
  co_await bench.pause(1ms);
  const auto began = bench.runtime.now();
  bench.tested.reply_bytes = 100;
  bench.tested.answer(1);  // was answered: ignored
  bench.tested.connection.close(test::status(Code::resource_exhausted, "enough", "for today"));
  bench.tested.connection.close(test::status(Code::internal, "second", ""));
  EXPECT_TRUE(bench.tested.connection.open()) << "what is pending leaves first";
  bench.other.request(3);
  co_await bench.pause(500ms);
  EXPECT_EQ(bench.other.of(Kind::goaway).size(), 1u);
  const Arrived goaway = co_await bench.other.next(Kind::goaway);
  EXPECT_EQ(goaway.detail().code(), static_cast<std::uint32_t>(Code::resource_exhausted));
  EXPECT_EQ(goaway.detail().reason(), "enough");
  EXPECT_EQ(goaway.header.value, 1u) << "the last request that was looked at";
  EXPECT_EQ(bench.tested.requests, 1) << "what still comes is thrown away";
  EXPECT_EQ(bench.other.ended, boost::asio::error::eof) << "not a reset: the goaway must arrive";
  EXPECT_EQ(bench.outcome(), "none") << "the other side has a second to end first";
  co_await bench.pause(600ms);
  EXPECT_EQ(bench.outcome(), "resource_exhausted enough");
  EXPECT_LE(bench.runtime.now() - began, 1200ms);
  EXPECT_FALSE(bench.tested.connection.open());
  co_await bench.end();
}

TEST(ConnectionEnd, CloseSaysWhyAndGivesTheOtherTimeToHear) {
  run(closes);
}

task<> closes_both(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.tested.connection.close({});
  co_await bench.other.next(Kind::goaway);
  co_await bench.other.close();
  co_await bench.pause(10ms);
  EXPECT_EQ(bench.outcome(), "ok") << "at once, when the other ends, too";
  co_await bench.end();
}

TEST(ConnectionEnd, CloseIsOverOnceTheOtherEnds) {
  run(closes_both);
}

task<> closes_slowly(sim::World& world) {
  Bench bench(world, {}, Side::listener, {.capacity = 100});
  co_await bench.greeted();
  bench.tested.reply_bytes = 1000;
  bench.other.be_deaf();
  bench.other.request(1);
  co_await bench.pause(1ms);
  bench.tested.connection.close({});
  co_await bench.pause(500ms);
  bench.other.be_deaf(false);
  co_await bench.other.next(Kind::goaway);
  EXPECT_EQ(bench.other.of(Kind::reply).size(), 1u) << "what was said before it comes before it";
  co_await bench.pause(2s);
  EXPECT_EQ(bench.outcome(), "ok");
  co_await bench.end();
}

TEST(ConnectionEnd, WhatIsPendingLeavesBeforeTheEnd) {
  run(closes_slowly);
}

task<> aborts(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.tested.connection.abort(test::status(Code::internal, "first", ""));
  bench.tested.connection.abort(test::status(Code::internal, "second", ""));
  co_await bench.pause(1ms);
  EXPECT_EQ(bench.outcome(), "internal first");
  EXPECT_TRUE(bench.other.ended);
  co_await bench.end();

  // Also one whose reader rests.
  Bench resting(world);
  co_await resting.greeted();
  resting.tested.connection.pause_reading(true);
  resting.other.request(1);
  co_await resting.pause(1s);
  resting.tested.connection.abort(test::status(Code::internal, "resting", ""));
  co_await resting.pause(1ms);
  EXPECT_EQ(resting.outcome(), "internal resting");
  co_await resting.end();
}

TEST(ConnectionEnd, AbortIsAtOnce) {
  run(aborts);
}

task<> violation(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.other.request(2);  // the dialer's are odd
  co_await bench.pause(2s);
  EXPECT_EQ(bench.outcome(), "invalid_argument wrong_parity");
  EXPECT_EQ((co_await bench.other.next(Kind::goaway)).detail().reason(), "wrong_parity");
  EXPECT_FALSE((co_await bench.other.next(Kind::goaway)).detail().message().empty());
  co_await bench.end();
}

TEST(ConnectionEnd, AViolationIsSaidAndEndsIt) {
  run(violation);
}

task<> other_ends(sim::World& world) {
  Bench orderly(world);
  co_await orderly.greeted();
  orderly.other.stream().shutdown();
  co_await orderly.pause(1ms);
  EXPECT_EQ(orderly.outcome(), "ok");
  co_await orderly.end();

  Bench cut(world);
  co_await cut.greeted();
  cut.cable->cut();
  co_await cut.pause(1ms);
  EXPECT_EQ(cut.outcome(), "unavailable connection_lost");
  co_await cut.end();
}

TEST(ConnectionEnd, AnOrderlyEndIsNoFailureAndALostOneIs) {
  run(other_ends);
}

task<> half_end(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.other.request(1);
  bench.other.stream().shutdown();
  co_await bench.pause(10ms);
  EXPECT_EQ(bench.outcome(), "ok");
  EXPECT_EQ(bench.other.of(Kind::reply).size(), 1u) << "it ended its direction only";
  co_await bench.end();
}

TEST(ConnectionEnd, AnswersLeaveThoughTheOtherHasEndedItsDirection) {
  run(half_end);
}

task<> half_end_later(sim::World& world) {
  for (const Side side : {Side::listener, Side::dialer}) {
    const std::uint32_t first = side == Side::listener ? 1 : 2;
    Bench bench(world, {.ping_after = 2s, .ping_timeout = 1s, .idle_timeout = 1s}, side,
                {.capacity = 1000});
    co_await bench.greeted();
    bench.tested.answers = false;
    bench.tested.reply_bytes = 5000;
    for (std::uint32_t i = 0; i < 5; ++i) bench.other.request(first + 2 * i);
    bench.other.stream().shutdown();
    for (std::uint32_t i = 0; i < 5; ++i) {
      co_await bench.pause(1min);
      EXPECT_EQ(bench.outcome(), "none") << i;
      bench.tested.answer(first + 2 * i);
    }
    co_await bench.pause(100ms);
    EXPECT_EQ(bench.outcome(), "ok") << "then it ends";
    EXPECT_EQ(bench.other.of(Kind::reply).size(), 5u);
    EXPECT_EQ(bench.other.ended, boost::asio::error::eof);
    EXPECT_TRUE(bench.other.of(Kind::ping).empty()) << "it could not answer them";
    co_await bench.end();
  }
}

TEST(ConnectionEnd, WhatWasAskedBeforeTheOtherEndedItsDirectionIsAnswered) {
  run(half_end_later);
}

task<> half_end_slowly(sim::World& world) {
  Bench bench(world, {}, Side::listener, {.capacity = 100});
  co_await bench.greeted();
  bench.tested.reply_bytes = 1000;
  bench.other.be_deaf();
  bench.other.request(1);
  bench.other.stream().shutdown();
  co_await bench.pause(5s);
  EXPECT_EQ(bench.outcome(), "none") << "its answer has not left";
  bench.other.be_deaf(false);
  co_await bench.pause(100ms);
  EXPECT_EQ(bench.outcome(), "ok");
  EXPECT_EQ(bench.other.of(Kind::reply).size(), 1u);
  co_await bench.end();
}

TEST(ConnectionEnd, AnswersThatLeaveSlowlyLeaveAllTheSame) {
  run(half_end_slowly);
}

task<> half_end_then_gone(sim::World& world) {
  Bench bench(world, {.ping_after = 2s, .ping_timeout = 1s});
  co_await bench.greeted();
  bench.tested.answers = false;
  bench.other.request(1);
  bench.other.stream().shutdown();
  co_await bench.pause(1s);
  EXPECT_EQ(bench.outcome(), "none");
  bench.other.stream().close();
  co_await bench.pause(5s);
  EXPECT_EQ(bench.outcome(), "unavailable connection_lost") << "nobody waits for the answer";
  co_await bench.end();
}

TEST(ConnectionEnd, AnswersAreNotKeptForWhoHasGoneAfterAll) {
  run(half_end_then_gone);
}

task<> half_end_closes(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.tested.answers = false;
  bench.other.request(1);
  bench.other.stream().shutdown();
  co_await bench.pause(1s);
  bench.tested.connection.close(test::status(Code::unavailable, "draining", ""));
  co_await bench.pause(10ms);
  EXPECT_EQ(bench.outcome(), "unavailable draining") << "nothing more can come: at once";
  EXPECT_EQ(bench.other.of(Kind::goaway).size(), 1u);
  co_await bench.end();
}

TEST(ConnectionEnd, AHalfThatIsLeftCloses) {
  run(half_end_closes);
}

task<> half_end_of_whom_we_ask(sim::World& world) {
  Bench bench(world, {}, Side::dialer);
  co_await bench.greeted();
  bench.tested.answers = false;
  bench.tested.connection.multiplexer().request({}, {}, {}, 1);
  bench.tested.connection.flush();
  bench.other.request(2);
  co_await bench.pause(10ms);
  bench.other.stream().shutdown();
  co_await bench.pause(10ms);
  EXPECT_EQ(bench.outcome(), "ok") << "nobody will answer us, and whoever waits should know";
  co_await bench.end();
}

TEST(ConnectionEnd, WhoeverWaitsForAnAnswerItselfEndsAtOnce) {
  run(half_end_of_whom_we_ask);
}

task<> goaways(sim::World& world) {
  Bench orderly(world);
  co_await orderly.greeted();
  orderly.other.goaway();
  co_await orderly.pause(10ms);
  EXPECT_EQ(orderly.outcome(), "none") << "what is under way may end";
  EXPECT_EQ(orderly.tested.goaways.size(), 1u);
  co_await orderly.end();

  Bench angry(world);
  co_await angry.greeted();
  angry.other.goaway(test::status(Code::permission_denied, "go", ""));
  co_await angry.pause(10ms);
  EXPECT_EQ(angry.outcome(), "permission_denied go") << "its last word, and the reason";
  co_await angry.end();
}

TEST(ConnectionEnd, AGoawayWithAnErrorIsTheLastWord) {
  run(goaways);
}

task<> handler_fails(sim::World& world) {
  std::vector<std::string> failures;
  world.runtime().on_failure(
      [&](std::string_view where, std::exception_ptr) { failures.emplace_back(where); });
  Bench bench(world);
  co_await bench.greeted();
  bench.tested.fails = true;
  bench.other.request(1);
  co_await bench.pause(10ms);
  EXPECT_EQ(failures, (std::vector<std::string>{"connection"}));
  EXPECT_EQ(bench.outcome(), "internal internal");
  EXPECT_TRUE(bench.other.ended);
  co_await bench.end();
}

TEST(ConnectionEnd, ABugInItsHandlerIsReportedAndEndsItAlone) {
  run(handler_fails);
}

task<> never_ends(Runtime& runtime, bool& ended) {
  try {
    co_await runtime.sleep_for(1000h);
  } catch (...) {
    ended = true;
  }
}

task<> cancels(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bool ended = false;
  bench.tested.connection.scope().spawn("never ends", never_ends(bench.runtime, ended));
  co_await bench.scope.close();
  EXPECT_TRUE(bench.tested.cancelled);
  EXPECT_TRUE(ended) << "its own coroutines have ended first";
  EXPECT_FALSE(bench.tested.connection.open());
  co_await bench.pause(1ms);
  EXPECT_TRUE(bench.other.ended);
  co_await bench.end();
}

TEST(ConnectionEnd, ACancelledRunClosesAndThrows) {
  run(cancels);
}

task<> in_two_parts(sim::World& world) {
  net::MemoryPair pair = net::make_memory_pair(world.runtime());
  RawEnd other(world.runtime(), std::move(pair.b));
  Tested tested(world.runtime(), std::move(pair.a), Side::listener, {});
  tested.connection.greet({});
  tested.connection.start();
  other.hello();
  co_await world.runtime().sleep_for(1ms);
  EXPECT_TRUE(tested.greeted);
  EXPECT_EQ(tested.over, 0);
  co_await other.close();
  co_await world.runtime().sleep_for(1ms);
  EXPECT_EQ(tested.over, 1);
  const Status outcome = co_await tested.connection.finish();
  EXPECT_TRUE(outcome.ok()) << outcome.to_string();
}

TEST(ConnectionEnd, WhoeverHasNoCoroutineIsTold) {
  run(in_two_parts);
}

}  // namespace
}  // namespace babilu::rpc
