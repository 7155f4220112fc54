// The coalescing writer: what it sends when, and when it gives up.
#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/net/memory.h"
#include "core/net/outbox.h"
#include "core/runtime/runtime.h"
#include "core/sim/world.h"

namespace babilu::net {
namespace {

namespace error = boost::asio::error;
using namespace std::chrono_literals;

/// A stream that takes as much as the test lets it, and notes what it was given.
class Sink final : public Stream {
 public:
  explicit Sink(Runtime& runtime) : changed_(runtime) {}

  void allow(std::size_t bytes) {
    room_ += bytes;
    changed_.notify_all();
  }
  void fail(error_code why) {
    failure_ = why;
    changed_.notify_all();
  }
  /// From now on what is written stays in this process until writable() has been called so often.
  void keep_back(int calls) { kept_back_ = calls; }

  std::vector<std::size_t> writes;  ///< bytes of each that moved some
  std::string taken;
  int attempts = 0;

  Transfer read_some(MutableByteView) override { return {0, error::would_block}; }
  Transfer write_some(ByteView bytes) override {
    ++attempts;
    if (failure_) return {0, failure_};
    const std::size_t moved = std::min(room_, bytes.size());
    room_ -= moved;
    taken += text_of(bytes.first(moved));
    if (moved > 0) writes.push_back(moved);
    return {moved, moved < bytes.size() ? error_code(error::would_block) : error_code()};
  }
  task<error_code> readable(Deadline) override { co_return error_code(); }
  bool when_readable(Waiter&) override { return true; }
  task<error_code> writable(Deadline deadline) override {
    if (kept_back_ > 0) --kept_back_;
    while (room_ == 0 && !failure_) {
      const bool notified = co_await changed_.wait(deadline);
      if (!notified) co_return error_code(error::timed_out);
    }
    co_return error_code();
  }
  bool unsent() const noexcept override { return kept_back_ > 0; }
  void shutdown() noexcept override {}
  void close() noexcept override {}
  const Address& remote() const noexcept override { return remote_; }

 private:
  Condition changed_;
  std::size_t room_ = 0;
  int kept_back_ = 0;
  error_code failure_;
  Address remote_{"sink", 1};
};

struct Owner final : Outbox::Owner {
  void on_outbox_failed(error_code why) override { failures.push_back(why); }
  void on_outbox_progress() override { ++progress; }
  std::vector<error_code> failures;
  int progress = 0;
};

/// An outbox on a sink, and how to end both.
struct Bench {
  explicit Bench(sim::World& world, Outbox::Limits given = {})
      : runtime(world.runtime()),
        limits(given),
        sink(runtime),
        scope(runtime),
        outbox(runtime, sink, scope, limits, owner) {}
  void append(std::string_view text) { outbox.pending().append(bytes_of(text)); }
  void send(std::string_view text) {
    append(text);
    outbox.flush();
  }
  task<> end() { co_await scope.close(); }

  Runtime& runtime;
  const Outbox::Limits limits;
  Sink sink;
  Owner owner;
  Scope scope;
  Outbox outbox;
};

void run(task<> (*test)(sim::World&)) {
  sim::World world(1);
  world.run(test(world));
}

task<> one_write(sim::World& world) {
  Bench bench(world);
  bench.sink.allow(1000);
  bench.send("one ");
  bench.send("two ");
  bench.send("three");
  EXPECT_TRUE(bench.sink.taken.empty()) << "what else is said in this turn goes with it";
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.sink.taken, "one two three");
  EXPECT_EQ(bench.sink.writes.size(), 1u);
  EXPECT_EQ(bench.outbox.bytes(), 0u);
  EXPECT_GE(bench.owner.progress, 1);
  co_await bench.end();
}

TEST(Outbox, WhatIsSaidInOneTurnLeavesInOneWrite) {
  run(one_write);
}

task<> gathers(sim::World& world) {
  Bench bench(world);
  bench.sink.allow(3);
  bench.send("abcdef");
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.sink.taken, "abc");
  EXPECT_EQ(bench.outbox.bytes(), 3u);
  bench.send("gh");
  bench.send("ij");
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.sink.taken, "abc") << "there is no room";
  EXPECT_EQ(bench.outbox.bytes(), 7u);
  bench.sink.allow(1000);
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.sink.taken, "abcdefghij");
  EXPECT_EQ(bench.sink.writes, (std::vector<std::size_t>{3, 3, 4})) << "the rest, then one batch";
  EXPECT_EQ(bench.outbox.bytes(), 0u);
  // And it has not forgotten how.
  bench.send("k");
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.sink.taken, "abcdefghijk");
  co_await bench.end();
}

TEST(Outbox, GathersWhileAWriteIsOnItsWayAndKeepsTheOrder) {
  run(gathers);
}

task<> stalls(sim::World& world) {
  Bench bench(world, {.stall = 30s});
  const auto began = bench.runtime.now();
  bench.sink.allow(2);
  bench.send("abcdef");
  co_await bench.runtime.sleep_until(began + 29s);
  EXPECT_TRUE(bench.owner.failures.empty());
  co_await bench.runtime.sleep_until(began + 31s);
  EXPECT_EQ(bench.owner.failures, (std::vector<error_code>{error::timed_out}));
  EXPECT_TRUE(bench.outbox.failed());
  EXPECT_EQ(bench.outbox.bytes(), 0u) << "what cannot leave is not kept";
  // Nothing is written afterwards, and nobody is told twice.
  bench.sink.allow(1000);
  bench.send("more");
  co_await bench.runtime.sleep_for(60s);
  EXPECT_EQ(bench.sink.taken, "ab");
  EXPECT_EQ(bench.owner.failures.size(), 1u);
  co_await bench.end();
}

TEST(Outbox, GivesUpOnAStreamThatTakesNothingForTooLong) {
  run(stalls);
}

task<> slow(sim::World& world) {
  Bench bench(world, {.stall = 30s});
  bench.send(std::string(10, 'x'));
  for (int i = 0; i < 10; ++i) {
    co_await bench.runtime.sleep_for(20s);
    EXPECT_TRUE(bench.owner.failures.empty()) << i;
    bench.sink.allow(1);
  }
  co_await bench.runtime.sleep_for(60s);
  EXPECT_EQ(bench.sink.taken.size(), 10u);
  EXPECT_TRUE(bench.owner.failures.empty()) << "slow is not stalled";
  EXPECT_GE(bench.owner.progress, 10) << "whoever paused its source is told of each step";
  co_await bench.end();
}

TEST(Outbox, SlowIsNotStalled) {
  run(slow);
}

task<> breaks(sim::World& world) {
  Bench bench(world);
  bench.sink.fail(error::connection_reset);
  bench.send("abc");
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.owner.failures, (std::vector<error_code>{error::connection_reset}));
  EXPECT_EQ(bench.outbox.bytes(), 0u);
  const int attempts = bench.sink.attempts;
  bench.send("def");
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.sink.attempts, attempts);
  EXPECT_EQ(bench.owner.failures.size(), 1u);
  co_await bench.end();
}

TEST(Outbox, ABrokenStreamIsToldOnceAndLeftAlone) {
  run(breaks);
}

task<> breaks_later(sim::World& world) {
  Bench bench(world);
  bench.sink.allow(1);
  bench.send("abc");
  co_await bench.runtime.sleep_for(1ms);
  bench.sink.fail(error::connection_reset);
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.owner.failures, (std::vector<error_code>{error::connection_reset}));
  EXPECT_EQ(bench.outbox.bytes(), 0u);
  EXPECT_EQ(bench.scope.size(), 0u) << "nobody waits for it any more";
  co_await bench.end();
}

TEST(Outbox, AStreamThatBreaksUnderAWaitIsToldOnce) {
  run(breaks_later);
}

task<> bounds(sim::World& world) {
  Bench bench(world, {.soft = 10, .hard = 20});
  bench.send(std::string(10, 'x'));
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.outbox.bytes(), 10u) << "what is being written counts";
  EXPECT_FALSE(bench.outbox.over_soft());
  bench.append("x");
  EXPECT_EQ(bench.outbox.bytes(), 11u) << "what waits counts, too";
  EXPECT_TRUE(bench.outbox.over_soft());
  bench.append(std::string(9, 'x'));
  EXPECT_FALSE(bench.outbox.over_hard());
  bench.append("x");
  EXPECT_TRUE(bench.outbox.over_hard());
  bench.sink.allow(8);
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.outbox.bytes(), 13u) << "what has left does not";
  EXPECT_FALSE(bench.outbox.over_hard());
  bench.sink.allow(3);
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_FALSE(bench.outbox.over_soft());
  co_await bench.end();
}

TEST(Outbox, CountsAllThatHasNotLeft) {
  run(bounds);
}

task<bool> drained_within(Bench& bench, Clock::duration time) {
  co_return co_await bench.outbox.drained(bench.runtime.now() + time);
}

task<> drains(sim::World& world) {
  Bench bench(world, {.stall = 1h});
  EXPECT_TRUE(co_await drained_within(bench, 1s)) << "there was nothing";
  bench.append("abc");
  bench.sink.allow(1000);
  EXPECT_TRUE(co_await drained_within(bench, 1s)) << "it does not wait to be flushed";
  EXPECT_EQ(bench.sink.taken, "abc");

  Bench slow(world, {.stall = 1h});
  slow.append("abc");
  const auto began = slow.runtime.now();
  EXPECT_FALSE(co_await drained_within(slow, 1s));
  EXPECT_EQ(slow.runtime.now() - began, 1s);
  slow.sink.allow(2);
  EXPECT_FALSE(co_await drained_within(slow, 1s)) << "a byte is left";
  slow.sink.allow(1);
  EXPECT_TRUE(co_await drained_within(slow, 1s));

  Bench broken(world);
  broken.append("abc");
  broken.sink.fail(error::connection_reset);
  EXPECT_FALSE(co_await drained_within(broken, 1s));
  co_await bench.end();
  co_await slow.end();
  co_await broken.end();
}

TEST(Outbox, SaysWhetherAllHasLeft) {
  run(drains);
}

task<> unsent(sim::World& world) {
  Bench bench(world);
  bench.sink.allow(1000);
  bench.sink.keep_back(3);
  bench.send("abc");
  EXPECT_TRUE(co_await drained_within(bench, 1s));
  EXPECT_FALSE(bench.sink.unsent()) << "a layer below kept it, and somebody has to move it on";
  EXPECT_EQ(bench.sink.taken, "abc");
  co_await bench.end();
}

TEST(Outbox, MovesOnWhatALayerBelowHasKept) {
  run(unsent);
}

task<> memory(sim::World& world) {
  for (const std::size_t keep : {std::size_t{0}, std::size_t{64 * 1024}}) {
    Bench bench(world, {.keep = keep});
    bench.sink.allow(1000);
    for (int i = 0; i < 2; ++i) {
      bench.send("abc");
      co_await bench.runtime.sleep_for(1ms);
    }
    EXPECT_EQ(bench.outbox.pending().capacity() > 0, keep > 0);
    co_await bench.end();
  }
}

TEST(Outbox, AnIdleOneHoldsNoMemoryUnlessItIsTold) {
  run(memory);
}

task<> cancelled(sim::World& world) {
  Bench bench(world);
  bench.scope.cancel();
  bench.sink.allow(2);
  bench.send("abc");
  co_await bench.runtime.sleep_for(1ms);
  EXPECT_EQ(bench.sink.taken, "ab") << "as much as leaves without a wait";
  EXPECT_EQ(bench.scope.size(), 0u);
  EXPECT_TRUE(bench.owner.failures.empty());
  co_await bench.end();
}

TEST(Outbox, WaitsForNothingOnceItsConnectionEnds) {
  run(cancelled);
}

}  // namespace
}  // namespace babilu::net
