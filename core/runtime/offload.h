#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
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
  refused,  ///< the queue is full, or would outlast the job's deadline: at once, try again later
  late,     ///< the deadline passed before a thread was free
};
/// What value() of an outcome without one does.
[[noreturn]] void throw_exception_from_error(NotRun why, const boost::source_location& where);

/// Threads for work that is heavy or blocks: Argon2, file access. Bounded: a full queue, or a
/// deadline that the queue would outlast, is refused at once.
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

  /// The metrics must outlive it.
  OffloadPool(Options options, telemetry::Metrics& metrics);
  ~OffloadPool();  ///< finishes what it has accepted
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;

  /// The result of `work`, or why it did not run. What `work` throws, run throws.
  template <class Work>
  task<Outcome<std::invoke_result_t<Work&>>> run(Runtime& runtime, Work work, Deadline deadline) {
    std::optional<std::invoke_result_t<Work&>> result;
    const std::optional<NotRun> why =
        co_await execute(runtime, [&result, &work] { result.emplace(work()); }, deadline);
    if (why) co_return *why;
    co_return std::move(*result);
  }

  /// How long a job that came now would wait: jobs ahead of it times what a job took lately.
  Clock::duration expected_wait() const noexcept;
  std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Link : boost::intrusive::list_base_hook<> {};
  struct Job;
  struct Figures {
    Figures(telemetry::Metrics& metrics, const std::string& pool);
    telemetry::Gauge& waiting;
    telemetry::Counter& refused;
    telemetry::Counter& late;
    telemetry::Counter& cancelled;
  };

  task<std::optional<NotRun>> execute(Runtime& runtime, std::function<void()> work,
                                      Deadline deadline);
  bool would_outlast(Runtime& runtime, Deadline deadline) const noexcept;
  NotRun refuse();
  bool enqueue(Job& job);
  bool take_back(Job& job);
  Job* next();
  void unlink(Job& job);
  void work();
  void run_job(Job& job);

  const Options options_;
  const Figures figures_;
  std::mutex mutex_;
  std::condition_variable wake_;
  boost::intrusive::list<Link> jobs_;
  bool closing_ = false;
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::int64_t> recent_cost_ns_{0};
  std::vector<std::thread> threads_;
};

}  // namespace babilu
