#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"

namespace babilu {

class Runtime;

/// Threads for work that is heavy or blocks: Argon2, file access. Bounded: a full queue, or a
/// deadline that the queue would outlast, is refused at once.
///
/// Shared by the Runtimes of a process; run() is called on any of them and resumes there. Work
/// that has begun cannot be cancelled. In a simulation the work runs inline.
class OffloadPool {
 public:
  struct Options {
    unsigned threads = 2;
    std::size_t queue = 256;  ///< jobs that may wait; one more is refused
  };

  explicit OffloadPool(Options options);
  ~OffloadPool();  ///< finishes what it has accepted
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;

  /// The result of `work`, or nothing if the pool refused it. What `work` throws, run throws.
  template <class Work>
  task<std::optional<std::invoke_result_t<Work&>>> run(Runtime& runtime, Work work,
                                                       Deadline deadline) {
    std::optional<std::invoke_result_t<Work&>> result;
    co_await execute(runtime, [&result, &work] { result.emplace(work()); }, deadline);
    co_return result;
  }

  /// How long a job that came now would wait: jobs ahead of it times what a job took lately.
  Clock::duration expected_wait() const noexcept;
  std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  using Job = std::function<void()>;
  task<> execute(Runtime& runtime, Job job, Deadline deadline);
  bool submit(Job job);
  void work();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool closing_ = false;
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::int64_t> recent_cost_ns_{0};
  std::vector<std::thread> threads_;
};

}  // namespace babilu
