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

#include <boost/asio/error.hpp>

#include "core/runtime/backoff.h"
#include "core/runtime/failure.h"
#include "core/runtime/lifecycle.h"
#include "core/runtime/process.h"
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
  co_await scope.close();
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

task<> post_who_throws(Runtime& runtime, int& ran) {
  runtime.post([] { throw std::runtime_error("of the function"); });
  runtime.post([&ran] { ++ran; });
  co_await runtime.sleep_for(1ms);
  ++ran;
}
TEST(Runtime, AnExceptionOfAPostedFunctionIsReportedAndTheLoopGoesOn) {
  sim::World world(1);
  std::vector<std::string> failed;
  world.runtime().on_failure(
      [&](std::string_view, std::exception_ptr failure) { failed.push_back(describe(failure)); });
  int ran = 0;
  world.run(post_who_throws(world.runtime(), ran));
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(failed, (std::vector<std::string>{"of the function"}));
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

task<> throw_operation_aborted() {
  throw boost::system::system_error(boost::asio::error::operation_aborted);
  co_return;
}

task<> spawn_who_aborts(Runtime& runtime) {
  Scope scope(runtime);
  scope.spawn("aborts", throw_operation_aborted());
  co_await scope.join();
}

TEST(Scopes, OperationAbortedIsAFailureWhereNobodyCancelled) {
  sim::World world(1);
  std::vector<std::string> failed;
  world.runtime().on_failure(
      [&](std::string_view name, std::exception_ptr) { failed.emplace_back(name); });
  world.run(spawn_who_aborts(world.runtime()));
  EXPECT_EQ(failed, (std::vector<std::string>{"aborts"}));
}

task<> spawn_essential_ones(Runtime& runtime, int& unwound) {
  Scope scope(runtime);
  scope.spawn_essential("ends", runtime.yield());
  scope.spawn_essential("is cancelled", sleep_forever(runtime, unwound));
  scope.spawn("may fail", throw_error());
  scope.spawn_essential("must not fail", throw_error());
  co_await runtime.sleep_for(1ms);
  co_await scope.close();
}

TEST(Scopes, AnExceptionFromAnEssentialCoroutineIsToldAsThat) {
  sim::World world(1);
  std::vector<std::string> failed, essential;
  world.runtime().on_failure(
      [&](std::string_view name, std::exception_ptr) { failed.emplace_back(name); });
  world.runtime().on_essential_failure(
      [&](std::string_view name, std::exception_ptr) { essential.emplace_back(name); });
  int unwound = 0;
  world.run(spawn_essential_ones(world.runtime(), unwound));
  EXPECT_EQ(failed, (std::vector<std::string>{"may fail", "must not fail"}));
  EXPECT_EQ(essential, (std::vector<std::string>{"must not fail"}));
}

TEST(ScopesDeathTest, ItsAbortNamesTheScopeAndWhoIsLeft) {
  EXPECT_DEATH(
      {
        Runtime runtime;
        int unwound = 0;
        Scope scope(runtime);
        scope.spawn("left", sleep_forever(runtime, unwound));
        scope.spawn("left too", sleep_forever(runtime, unwound));
      },
      "Scope made at .*runtime_test.cpp:[0-9]+ in .* destroyed with coroutines in it: 'left' "
      "'left too'");
}

task<> leave_in(Scope& scope, Runtime& runtime, int& unwound) {
  scope.spawn("left", sleep_forever(runtime, unwound));
  co_await runtime.yield();
}

TEST(ScopesDeathTest, IsCheckedAlsoWhenTheLoopHasEnded) {
  EXPECT_DEATH(
      {
        Runtime runtime;
        int unwound = 0;
        Scope scope(runtime);
        runtime.run(leave_in(scope, runtime, unwound));
      },
      "destroyed with coroutines in it: 'left'");
}

task<> wait_with_company(Scope& scope, Runtime& runtime, int& unwound) {
  scope.spawn("left", sleep_forever(runtime, unwound));
  Condition never(runtime);
  co_await never.wait();
}

TEST(Scopes, ASimulationThatFailedLetsThemLie) {
  const MayLeak frames_that_wait_for_ever;
  sim::World world(1);
  int unwound = 0;
  Scope scope(world.runtime());
  EXPECT_THROW(world.run(wait_with_company(scope, world.runtime(), unwound), 10h),
               std::logic_error);
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

task<> serve_until_draining(Runtime& runtime, Lifecycle& lifecycle, unsigned index) {
  Scope scope(runtime);
  if (index == 1) scope.spawn_essential("acceptor", throw_error());
  if (index == 0) scope.spawn("guest", throw_error());
  co_await lifecycle.draining(runtime);
  co_await scope.join();
}

TEST(Process, DrainsAndFailsWhenAnEssentialCoroutineDies) {
  Lifecycle lifecycle;
  lifecycle.advance(Phase::ready);
  std::string why;
  try {
    run_process(2, lifecycle, [&](Runtime& runtime, unsigned index) {
      return serve_until_draining(runtime, lifecycle, index);
    });
  } catch (const std::exception& error) {
    why = error.what();
  }
  EXPECT_EQ(why, "acceptor ended by an exception: oops");
  EXPECT_EQ(lifecycle.phase(), Phase::stopped);
  const auto checks = lifecycle.run_checks();
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].failure, why);
}

TEST(Lifecycle, AFailureDrainsAndIsKept) {
  Lifecycle lifecycle;
  lifecycle.advance(Phase::ready);
  EXPECT_TRUE(lifecycle.ready());
  lifecycle.fail("the first");
  lifecycle.fail("the second");
  EXPECT_EQ(lifecycle.phase(), Phase::draining);
  EXPECT_FALSE(lifecycle.ready());
  ASSERT_EQ(lifecycle.run_checks().size(), 1u);
  EXPECT_EQ(lifecycle.run_checks()[0].failure, "the first");
}

}  // namespace
}  // namespace babilu
