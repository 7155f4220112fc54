#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"

namespace babilu::telemetry {
class Counter;
class Gauge;
class Metrics;
}  // namespace babilu::telemetry

namespace babilu {

class Runtime;

/// Why a pool did not run a job.
enum class NotRun {
  refused,   ///< the queue is full, or would outlast the job's deadline: at once, try again later
  late,      ///< the deadline passed before a thread was free
  given_up,  ///< its Ticket was given up before a thread was free
};
/// What value() of an outcome without one does.
[[noreturn]] void throw_exception_from_error(NotRun why, const boost::source_location& where);

/// Threads for work that is heavy or blocks: Argon2, file access. Bounded: a full queue, or a
/// deadline that the queue would outlast, is refused at once.
///
/// The queue is shared fairly: jobs name whom they are for, and each of those has one job run in
/// its turn. Where it is full, the newest job of whoever has most of it gives way to somebody who
/// has less, so that nobody alone can keep others out.
///
/// Shared by the Runtimes of a process; run() is called on any of them and resumes there. What
/// waits is given up at its deadline, or when its coroutine is cancelled, and never begins then;
/// work that has begun ends. In a simulation the work runs inline.
///
/// Metrics, by pool: babilu_offload_waiting, babilu_offload_refused_total, and what was given up,
/// babilu_offload_dropped_total, by reason.
class OffloadPool {
 public:
  struct Options {
    std::string name;  ///< in metrics; pools of one name are counted as one
    unsigned threads = 2;
    std::size_t queue = 256;  ///< jobs that may wait; one more is refused
  };
  template <class T>
  using Outcome = boost::system::result<T, NotRun>;
  class Ticket;
  struct JobOptions {
    Deadline deadline = no_deadline;
    std::string_view share = {};  ///< whom the job is for; copied
    Ticket* ticket = nullptr;     ///< must outlive the job
  };

  /// The metrics must outlive it.
  OffloadPool(Options options, telemetry::Metrics& metrics);
  ~OffloadPool();  ///< finishes what it has accepted
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;

  /// The result of `work`, or why it did not run. What `work` throws, run throws.
  template <class Work>
  task<Outcome<std::invoke_result_t<Work&>>> run(Runtime& runtime, Work work, JobOptions options) {
    std::optional<std::invoke_result_t<Work&>> result;
    const std::optional<NotRun> why =
        co_await execute(runtime, [&result, &work] { result.emplace(work()); }, options);
    if (why) co_return *why;
    co_return std::move(*result);
  }
  template <class Work>
  task<Outcome<std::invoke_result_t<Work&>>> run(Runtime& runtime, Work work, Deadline deadline) {
    return run(runtime, std::move(work), JobOptions{.deadline = deadline});
  }

  /// How long a job for this share that came now would wait: the jobs whose turn comes before its
  /// own times what a job took lately. Cost: a look at each share that waits.
  Clock::duration expected_wait(std::string_view share = {}) const;
  std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Link : boost::intrusive::list_base_hook<> {};
  struct Job;
  /// The jobs of one share that wait, the oldest first; never empty.
  struct Share : boost::intrusive::list_base_hook<> {
    boost::intrusive::list<Link> jobs;
  };
  using Shares = std::map<std::string, Share, std::less<>>;
  struct Figures {
    Figures(telemetry::Metrics& metrics, const std::string& pool);
    telemetry::Gauge& waiting;
    telemetry::Counter& refused;
    telemetry::Counter& late;
    telemetry::Counter& cancelled;
  };

  task<std::optional<NotRun>> execute(Runtime& runtime, std::function<void()> work,
                                      const JobOptions& options);
  bool would_outlast(Runtime& runtime, const JobOptions& options) const;
  NotRun refuse();
  bool enqueue(Job& job);
  bool take_back(Job& job);
  Job* next();
  // With the mutex held:
  std::size_t jobs_before(std::string_view share) const;
  Job* who_gives_way_to(const Job& job);
  void link(Job& job);
  void unlink(Job& job);

  void work();
  void run_job(Job& job);

  const Options options_;
  const Figures figures_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Shares shares_;                        ///< those that wait
  boost::intrusive::list<Share> turns_;  ///< the same; the first has the next turn
  bool closing_ = false;
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::int64_t> recent_cost_ns_{0};
  std::vector<std::thread> threads_;
};

/// Lets somebody give a job up that waits: its run() gives NotRun::given_up then. For one job at a
/// time. Owner: whoever calls run(). Thread: that Runtime's.
class OffloadPool::Ticket {
 public:
  Ticket() = default;
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  /// Does nothing when no job waits: none was handed in, or it has begun or ended.
  void give_up();

 private:
  friend struct OffloadPool::Job;
  Job* job_ = nullptr;
};

}  // namespace babilu
