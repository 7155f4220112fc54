// The pools for heavy work: where it runs, and what is not run at all.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <boost/asio/error.hpp>

#include "core/runtime/offload.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/sim/world.h"
#include "core/telemetry/metrics.h"

namespace babilu {
namespace {

using namespace std::chrono_literals;

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
  telemetry::Metrics metrics;
  OffloadPool pool({.name = "test", .threads = 1, .queue = 4}, metrics);
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

double metric(telemetry::Metrics& metrics, std::string_view name, std::string_view reason = {}) {
  for (const auto& family : metrics.snapshot()) {
    if (family.name != name) continue;
    for (const auto& series : family.series) {
      const auto labelled = [&](std::string_view key, std::string_view value) {
        return std::ranges::any_of(series.labels, [&](const auto& label) {
          return label.first == key && label.second == value;
        });
      };
      if (labelled("pool", "test") && (reason.empty() || labelled("reason", reason))) {
        return series.value;
      }
    }
  }
  return -1;
}

task<> overfill(Runtime& runtime, OffloadPool& pool, telemetry::Metrics& metrics, Gate& gate,
                int& done, int& refused) {
  Scope scope(runtime);
  scope.spawn("blocks", run_job(runtime, pool, &gate, done, refused));
  co_await runtime.yield();
  co_await runtime.yield();
  gate.wait_entered();
  for (int i = 0; i < 5; ++i) scope.spawn("job", run_job(runtime, pool, nullptr, done, refused));
  while (refused < 3) co_await runtime.yield();
  EXPECT_EQ(metric(metrics, "babilu_offload_waiting"), 2);
  gate.release();
  co_await scope.join();
}

TEST(OffloadPool, AFullQueueIsRefusedAtOnce) {
  telemetry::Metrics metrics;
  OffloadPool pool({.name = "test", .threads = 1, .queue = 2}, metrics);
  Runtime runtime;
  Gate gate;
  int done = 0;
  int refused = 0;
  runtime.run(overfill(runtime, pool, metrics, gate, done, refused));
  EXPECT_EQ(done, 3);
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(pool.refused(), 3u);
  EXPECT_EQ(metric(metrics, "babilu_offload_refused_total"), 3);
  EXPECT_EQ(metric(metrics, "babilu_offload_waiting"), 0);
}

/// A pool whose only thread is held back, so that jobs wait.
struct Held {
  explicit Held(std::size_t queue = 256)
      : pool({.name = "test", .threads = 1, .queue = queue}, metrics) {}

  task<> hold(Runtime& runtime, Scope& scope) {
    scope.spawn("holds", run_job(runtime, pool, &gate, done, refused));
    co_await runtime.yield();
    gate.wait_entered();
  }
  double dropped(std::string_view reason) {
    return metric(metrics, "babilu_offload_dropped_total", reason);
  }

  telemetry::Metrics metrics;
  Gate gate;
  int done = 0;
  int refused = 0;
  OffloadPool pool;
};

/// How a job ended, and whether it ran.
struct Fate {
  bool ran = false;
  bool ended = false;
  bool cancelled = false;
  std::optional<NotRun> not_run;
};

task<> run_for(Runtime& runtime, OffloadPool& pool, Deadline deadline, Fate& fate) {
  auto work = [&fate] { return fate.ran = true; };
  try {
    const auto outcome = co_await pool.run(runtime, work, deadline);
    if (!outcome) fate.not_run = outcome.error();
  } catch (const boost::system::system_error& error) {
    fate.cancelled = error.code() == boost::asio::error::operation_aborted;
  }
  fate.ended = true;
}

task<> expect_late_while_it_waits(Runtime& runtime, Held& held) {
  Scope scope(runtime);
  co_await held.hold(runtime, scope);
  Fate fate;
  co_await run_for(runtime, held.pool, runtime.now() + 1ms, fate);
  EXPECT_EQ(fate.not_run, NotRun::late) << "told while no thread is free";
  EXPECT_EQ(held.pool.waiting(), 0u);
  held.gate.release();
  co_await scope.join();
  EXPECT_FALSE(fate.ran);
  EXPECT_EQ(held.dropped("late"), 1);
}

TEST(OffloadPool, AJobIsAnsweredAtItsDeadlineAndNeverRuns) {
  Held held;
  Runtime runtime;
  runtime.run(expect_late_while_it_waits(runtime, held));
}

/// Blocks the loop itself: only the pool's thread can see that the deadline has passed.
task<> expect_late_on_a_busy_loop(Runtime& runtime, Held& held) {
  Scope scope(runtime);
  co_await held.hold(runtime, scope);
  Fate late, after;
  const Deadline deadline = runtime.now() + 1ms;
  scope.spawn("late", run_for(runtime, held.pool, deadline, late));
  scope.spawn("after", run_for(runtime, held.pool, no_deadline, after));
  EXPECT_EQ(held.pool.waiting(), 2u);
  while (runtime.now() <= deadline) std::this_thread::yield();
  held.gate.release();
  while (held.pool.waiting() > 0) std::this_thread::yield();
  EXPECT_FALSE(late.ended) << "the loop was not to run meanwhile";
  co_await scope.join();
  EXPECT_FALSE(late.ran);
  EXPECT_EQ(late.not_run, NotRun::late);
  EXPECT_TRUE(after.ran);
}

TEST(OffloadPool, AJobPastItsDeadlineIsNotBegun) {
  Held held;
  Runtime runtime;
  runtime.run(expect_late_on_a_busy_loop(runtime, held));
  EXPECT_EQ(held.dropped("late"), 1);
}

task<> expect_cancelled(Runtime& runtime, Held& held) {
  Scope scope(runtime);
  co_await held.hold(runtime, scope);
  Fate fate;
  Scope impatient(runtime);
  impatient.spawn("waits", run_for(runtime, held.pool, no_deadline, fate));
  EXPECT_EQ(held.pool.waiting(), 1u);
  impatient.cancel();
  EXPECT_EQ(held.pool.waiting(), 0u) << "its place is free at once";
  co_await impatient.join();
  EXPECT_TRUE(fate.cancelled);
  held.gate.release();
  co_await scope.join();
  EXPECT_FALSE(fate.ran);
  EXPECT_EQ(held.dropped("cancelled"), 1);
}

TEST(OffloadPool, AJobThatWaitsIsGivenUpWhenItsCoroutineIsCancelled) {
  Held held;
  Runtime runtime;
  runtime.run(expect_cancelled(runtime, held));
}

task<> expect_to_end(Runtime& runtime, Held& held) {
  Scope scope(runtime);
  co_await held.hold(runtime, scope);
  scope.cancel();
  for (int turn = 0; turn < 3; ++turn) co_await runtime.yield();
  EXPECT_EQ(scope.size(), 1u) << "work that has begun uses what its coroutine owns";
  held.gate.release();
  co_await scope.join();
  EXPECT_EQ(held.done, 1);
}

TEST(OffloadPool, WorkThatHasBegunEndsAlsoWhenItsCoroutineIsCancelled) {
  Held held;
  Runtime runtime;
  runtime.run(expect_to_end(runtime, held));
}

task<> run_in_turn(Runtime& runtime, OffloadPool& pool, std::string share,
                   std::vector<std::string>& order, std::vector<std::string>& refused) {
  const OffloadPool::JobOptions options{.share = share};
  auto work = [&order, share] {
    order.push_back(share);
    return true;
  };
  const auto outcome = co_await pool.run(runtime, work, options);
  if (!outcome) refused.push_back(share);
}

/// Lets these wait, in this order; gives the order in which they ran.
task<> take_turns(Runtime& runtime, Held& held, const std::vector<std::string>& shares,
                  std::vector<std::string>& order, std::vector<std::string>& refused) {
  Scope scope(runtime);
  co_await held.hold(runtime, scope);
  for (const auto& share : shares) {
    scope.spawn("job", run_in_turn(runtime, held.pool, share, order, refused));
  }
  held.gate.release();
  co_await scope.join();
}

using Words = std::vector<std::string>;

TEST(OffloadPool, SharesTakeTurns) {
  Held held;
  Runtime runtime;
  Words order, refused;
  const Words shares{"loud", "loud", "loud", "quiet", "loud", "quiet", "third"};
  runtime.run(take_turns(runtime, held, shares, order, refused));
  EXPECT_EQ(order, (Words{"loud", "quiet", "third", "loud", "quiet", "loud", "loud"}));
  EXPECT_TRUE(refused.empty());
}

TEST(OffloadPool, WhoHasMostOfAFullQueueGivesWay) {
  Held held(4);
  Runtime runtime;
  Words order, refused;
  const Words shares{"loud", "loud", "loud", "loud", "quiet", "loud", "quiet", "third", "third"};
  runtime.run(take_turns(runtime, held, shares, order, refused));
  EXPECT_EQ(order, (Words{"loud", "quiet", "third", "quiet"})) << "nobody has more than half";
  EXPECT_EQ(held.pool.refused(), 5u);
  EXPECT_EQ(std::ranges::count(refused, "loud"), 4);
  EXPECT_EQ(std::ranges::count(refused, "third"), 1) << "that would be as much as others have";
}

task<> expect_waits_by_share(Runtime& runtime, Held& held) {
  Words order, refused;
  co_await run_in_turn(runtime, held.pool, "any", order,
                       refused);  // so that it knows what one costs
  Scope scope(runtime);
  co_await held.hold(runtime, scope);
  for (int i = 0; i < 8; ++i) {
    scope.spawn("job", run_in_turn(runtime, held.pool, "loud", order, refused));
  }
  const auto one = held.pool.expected_wait("quiet");
  EXPECT_GT(one, 0ns);
  EXPECT_EQ(held.pool.expected_wait("loud"), 8 * one);
  held.gate.release();
  co_await scope.join();
}

TEST(OffloadPool, OthersDoNotWaitForAllThatOneWantsDone) {
  Held held;
  Runtime runtime;
  runtime.run(expect_waits_by_share(runtime, held));
}

task<> run_with_ticket(Runtime& runtime, OffloadPool& pool, OffloadPool::Ticket& ticket,
                       Fate& fate) {
  const OffloadPool::JobOptions options{.ticket = &ticket};
  auto work = [&fate] { return fate.ran = true; };
  const auto outcome = co_await pool.run(runtime, work, options);
  if (!outcome) fate.not_run = outcome.error();
  fate.ended = true;
}

task<> expect_given_up(Runtime& runtime, Held& held) {
  Scope scope(runtime);
  co_await held.hold(runtime, scope);
  OffloadPool::Ticket ticket;
  ticket.give_up();  // nothing yet
  Fate fate;
  scope.spawn("waits", run_with_ticket(runtime, held.pool, ticket, fate));
  EXPECT_EQ(held.pool.waiting(), 1u);
  ticket.give_up();
  ticket.give_up();
  EXPECT_EQ(held.pool.waiting(), 0u) << "its place is free at once";
  while (!fate.ended) co_await runtime.yield();
  EXPECT_EQ(fate.not_run, NotRun::given_up);
  ticket.give_up();  // nothing any more
  held.gate.release();
  co_await scope.join();
  EXPECT_FALSE(fate.ran);
  EXPECT_EQ(held.dropped("cancelled"), 1);
}

TEST(OffloadPool, AJobThatWaitsIsGivenUpByItsTicket) {
  Held held;
  Runtime runtime;
  runtime.run(expect_given_up(runtime, held));
}

task<> expect_late_in_a_simulation(Runtime& runtime, Held& held) {
  Fate late, in_time;
  co_await run_for(runtime, held.pool, runtime.now(), late);
  co_await run_for(runtime, held.pool, runtime.now() + 1ms, in_time);
  EXPECT_EQ(late.not_run, NotRun::late);
  EXPECT_FALSE(late.ran);
  EXPECT_TRUE(in_time.ran);
}

TEST(OffloadPool, ASimulationDropsWhatIsLateToo) {
  Held held;
  sim::World world(1);
  world.run(expect_late_in_a_simulation(world.runtime(), held));
}

}  // namespace
}  // namespace babilu
