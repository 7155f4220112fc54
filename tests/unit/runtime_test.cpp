// The runtime on a virtual clock: alarms, conditions, scopes, deferred work, phases.
#include <gtest/gtest.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#endif
#else
#define __has_feature(x) 0
#endif

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/runtime/backoff.h"
#include "core/runtime/lifecycle.h"
#include "core/runtime/offload.h"
#include "core/runtime/scope.h"
#include "core/sim/virtual_clock.h"
#include "core/sim/world.h"

namespace babilu {
namespace {

using namespace std::chrono_literals;

struct Recorder {
  explicit Recorder(Clock& clock, std::vector<int>& order, int number)
      : alarm(
            clock, [](void* self) { static_cast<Recorder*>(self)->fire(); }, this),
        order(order),
        number(number) {}
  void fire() { order.push_back(number); }
  Alarm alarm;
  std::vector<int>& order;
  int number;
};

TEST(Alarms, FireInOrderOfTimeThenOfSetting) {
  sim::VirtualClock clock;
  std::vector<int> order;
  Recorder a(clock, order, 1), b(clock, order, 2), c(clock, order, 3), d(clock, order, 4);
  const auto now = clock.now();
  c.alarm.set(now + 20ms);
  a.alarm.set(now + 10ms);
  b.alarm.set(now + 10ms);
  d.alarm.set(now + 5ms);
  d.alarm.cancel();
  while (clock.step()) {
  }
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_EQ(clock.now(), now + 20ms);
}

TEST(Alarms, AThousandSetMovedAndCancelledStillFireInOrder) {
  sim::VirtualClock clock;
  std::vector<int> order;
  std::vector<std::unique_ptr<Recorder>> recorders;
  for (int i = 0; i < 1000; ++i) {
    recorders.push_back(std::make_unique<Recorder>(clock, order, i));
    recorders.back()->alarm.set(clock.now() + std::chrono::milliseconds(7919 * i % 1000));
  }
  for (int i = 0; i < 1000; i += 3) recorders[static_cast<std::size_t>(i)]->alarm.cancel();
  for (int i = 1; i < 1000; i += 3) {
    recorders[static_cast<std::size_t>(i)]->alarm.set(clock.now() + std::chrono::seconds(i));
  }
  std::vector<Clock::time_point> times;
  std::size_t seen = 0;
  while (clock.step()) {
    for (; seen < order.size(); ++seen) times.push_back(clock.now());
  }
  EXPECT_EQ(order.size(), 666u);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST(Alarms, OneThatSetsItselfForNowDoesNotHoldTheThread) {
  sim::VirtualClock clock;
  struct Again {
    explicit Again(Clock& c)
        : clock(c), alarm(c, [](void* self) { static_cast<Again*>(self)->fire(); }, this) {}
    void fire() {
      if (++fired < 5) alarm.set(clock.now());
    }
    Clock& clock;
    Alarm alarm;
    int fired = 0;
  } again(clock);
  again.alarm.set(clock.now());
  EXPECT_TRUE(clock.step());
  EXPECT_EQ(again.fired, 1);
}

task<> wait_on(Condition& condition, Deadline deadline, std::vector<bool>& results) {
  const bool notified = co_await condition.wait(deadline);
  results.push_back(notified);
}

task<> notify_and_time_out(Runtime& runtime, std::vector<bool>& results) {
  Condition condition(runtime);
  Scope scope(runtime);
  scope.spawn("a", wait_on(condition, no_deadline, results));
  scope.spawn("b", wait_on(condition, runtime.now() + 5ms, results));
  scope.spawn("c", wait_on(condition, no_deadline, results));
  co_await runtime.sleep_for(10ms);
  condition.notify_one();
  co_await runtime.yield();
  condition.notify_all();
  co_await scope.join();
}

TEST(Conditions, WakeOneOrAllOrTimeOut) {
  sim::World world(1);
  std::vector<bool> results;
  world.run(notify_and_time_out(world.runtime(), results));
  EXPECT_EQ(results, (std::vector{false, true, true}));
}

/// Where LeakSanitizer looks: what is made meanwhile may be lost.
class MayLeak {
 public:
#if __has_feature(address_sanitizer)
  MayLeak() { __lsan_disable(); }
  ~MayLeak() { __lsan_enable(); }
#else
  MayLeak() {}
#endif
};

TEST(Conditions, ALostWakeUpIsAnErrorOfTheSimulation) {
  const MayLeak frames_that_wait_for_ever;
  sim::World world(1);
  Condition never(world.runtime());
  std::vector<bool> results;
  EXPECT_THROW(world.run(wait_on(never, no_deadline, results)), std::logic_error);
}

task<> sleep_forever(Runtime& runtime, int& unwound) {
  struct Unwind {
    int& count;
    ~Unwind() { ++count; }
  } unwind{unwound};
  for (;;) co_await runtime.sleep_for(1h);
}

task<> cancel_some(Runtime& runtime, int& unwound) {
  Scope scope(runtime);
  for (int i = 0; i < 100; ++i) scope.spawn("sleeper", sleep_forever(runtime, unwound));
  co_await runtime.sleep_for(1ms);
  EXPECT_EQ(scope.size(), 100u);
  scope.cancel();
  co_await scope.join();
  scope.spawn("late", sleep_forever(runtime, unwound));
  EXPECT_EQ(scope.size(), 0u);
}

TEST(Scopes, CancelEndsEveryCoroutineAndJoinWaitsForThem) {
  sim::World world(1);
  int unwound = 0;
  world.run(cancel_some(world.runtime(), unwound));
  EXPECT_EQ(unwound, 100);
}

task<> throw_error() {
  throw std::runtime_error("oops");
  co_return;
}

task<> spawn_thrower(Runtime& runtime) {
  Scope scope(runtime);
  scope.spawn("thrower", throw_error());
  co_await scope.join();
}

TEST(Scopes, AnExceptionIsReportedAndEndsItsCoroutineOnly) {
  sim::World world(1);
  std::vector<std::string> failed;
  world.runtime().on_failure(
      [&](std::string_view name, std::exception_ptr) { failed.emplace_back(name); });
  world.run(spawn_thrower(world.runtime()));
  EXPECT_EQ(failed, (std::vector<std::string>{"thrower"}));
}

task<> sleep_in(Scope& scope, Runtime& runtime, int& unwound) {
  scope.spawn("left", sleep_forever(runtime, unwound));
  throw std::runtime_error("what the test expected is not so");
  co_return;
}
task<> fail_amid_others(Runtime& runtime, int& unwound) {
  Scope scope(runtime);
  co_await sleep_in(scope, runtime, unwound);
}

TEST(Simulation, ATestThatThrowsAmidOthersFailsAlone) {
  int unwound = 0;
  {
    sim::World world(1);
    EXPECT_THROW(world.run(fail_amid_others(world.runtime(), unwound)), std::runtime_error);
  }
  EXPECT_EQ(unwound, 0) << "what others refer to is gone: they are left as they are";
}

TEST(Simulation, AnExceptionThatLeavesACoroutineIsNotOverlooked) {
  sim::World world(1);
  EXPECT_THROW(world.run(spawn_thrower(world.runtime())), std::runtime_error);
  world.run(world.runtime().sleep_for(1ms));
}

TEST(ScopesDeathTest, DestroyedWithCoroutinesInItIsABug) {
  EXPECT_DEATH(
      {
        Runtime runtime;
        int unwound = 0;
        Scope scope(runtime);
        scope.spawn("left", sleep_forever(runtime, unwound));
      },
      "destroyed with coroutines");
}

TEST(Deferred, RunsOnceHoweverOftenAsked) {
  sim::World world(1);
  int runs = 0;
  Deferred deferred(world.runtime(), [](void* count) { ++*static_cast<int*>(count); }, &runs);
  for (int i = 0; i < 10; ++i) deferred.schedule();
  {
    Deferred cancelled(world.runtime(), [](void* count) { ++*static_cast<int*>(count); }, &runs);
    cancelled.schedule();
  }
  world.run(world.runtime().sleep_for(1ms));
  EXPECT_EQ(runs, 1);
}

TEST(Backoff, StaysWithinItsBoundsAndStartsAnew) {
  sim::World world(1);
  Backoff backoff(10ms, 1s);
  for (int i = 0; i < 7; ++i) EXPECT_LE(backoff.next(world.runtime().random()), 10ms * (1 << i));
  for (int i = 0; i < 50; ++i) EXPECT_LE(backoff.next(world.runtime().random()), 1s);
  backoff.reset();
  EXPECT_LE(backoff.next(world.runtime().random()), 10ms);
}

task<> wait_for_drain(Runtime& runtime, Lifecycle& lifecycle, bool& drained) {
  co_await lifecycle.draining(runtime);
  drained = true;
}

task<> drain_later(Runtime& runtime, Lifecycle& lifecycle, bool& drained) {
  Scope scope(runtime);
  scope.spawn("waiter", wait_for_drain(runtime, lifecycle, drained));
  co_await runtime.sleep_for(1ms);
  EXPECT_FALSE(drained);
  lifecycle.advance(Phase::draining);
  lifecycle.advance(Phase::ready);
  EXPECT_EQ(lifecycle.phase(), Phase::draining);
  co_await scope.join();
}

TEST(Lifecycle, MovesForwardOnlyAndTellsOfDraining) {
  sim::World world(1);
  Lifecycle lifecycle;
  bool drained = false;
  world.run(drain_later(world.runtime(), lifecycle, drained));
  EXPECT_TRUE(drained);
}

TEST(Lifecycle, IsReadyWhenInPhaseAndEveryCheckHolds) {
  Lifecycle lifecycle;
  std::optional<std::string> failure = "no disk";
  lifecycle.add_check("disk", [&] { return failure; });
  lifecycle.advance(Phase::ready);
  EXPECT_FALSE(lifecycle.ready());
  failure.reset();
  EXPECT_TRUE(lifecycle.ready());
  lifecycle.advance(Phase::draining);
  EXPECT_FALSE(lifecycle.ready());
}

task<> offload(Runtime& runtime, OffloadPool& pool, std::vector<std::string>& results) {
  const auto here = std::this_thread::get_id();
  auto elsewhere = co_await pool.run(
      runtime, [here] { return std::this_thread::get_id() != here; }, no_deadline);
  results.push_back(elsewhere && *elsewhere ? "elsewhere" : "here");
  EXPECT_EQ(std::this_thread::get_id(), here);
  try {
    co_await pool.run(runtime, []() -> int { throw std::runtime_error("oops"); }, no_deadline);
  } catch (const std::runtime_error& error) {
    results.push_back(error.what());
  }
}

TEST(OffloadPool, RunsElsewhereAndResumesHere) {
  OffloadPool pool({.threads = 1, .queue = 4});
  Runtime runtime;
  std::vector<std::string> results;
  runtime.run(offload(runtime, pool, results));
  EXPECT_EQ(results, (std::vector<std::string>{"elsewhere", "oops"}));
}

/// Blocks the pool's only thread until told, so that what follows must queue.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  bool entered = false;
  void pass() {
    std::unique_lock lock(mutex);
    entered = true;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
  }
  void wait_entered() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return entered; });
  }
  void release() {
    std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
};

task<> run_job(Runtime& runtime, OffloadPool& pool, Gate* gate, int& done, int& refused) {
  auto result = co_await pool.run(
      runtime,
      [gate] {
        if (gate != nullptr) gate->pass();
        return 1;
      },
      no_deadline);
  ++(result ? done : refused);
}

task<> overfill(Runtime& runtime, OffloadPool& pool, Gate& gate, int& done, int& refused) {
  Scope scope(runtime);
  scope.spawn("blocks", run_job(runtime, pool, &gate, done, refused));
  co_await runtime.yield();
  co_await runtime.yield();
  gate.wait_entered();
  for (int i = 0; i < 5; ++i) scope.spawn("job", run_job(runtime, pool, nullptr, done, refused));
  while (refused < 3) co_await runtime.yield();
  gate.release();
  co_await scope.join();
}

TEST(OffloadPool, AFullQueueIsRefusedAtOnce) {
  OffloadPool pool({.threads = 1, .queue = 2});
  Runtime runtime;
  Gate gate;
  int done = 0;
  int refused = 0;
  runtime.run(overfill(runtime, pool, gate, done, refused));
  EXPECT_EQ(done, 3);
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(pool.refused(), 3u);
}

}  // namespace
}  // namespace babilu
