#include "core/runtime/offload.h"

#include <chrono>
#include <exception>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/runtime/runtime.h"

namespace babilu {

namespace asio = boost::asio;

OffloadPool::OffloadPool(Options options) : options_(options) {
  threads_.reserve(options_.threads);
  for (unsigned i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
}

OffloadPool::~OffloadPool() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Clock::duration OffloadPool::expected_wait() const noexcept {
  const auto ahead = static_cast<std::int64_t>(waiting());
  const auto threads = static_cast<std::int64_t>(options_.threads);
  return Clock::duration(recent_cost_ns_.load(std::memory_order_relaxed) * ahead / threads);
}

bool OffloadPool::submit(Job job) {
  {
    std::lock_guard lock(mutex_);
    if (closing_ || jobs_.size() >= options_.queue) return false;
    jobs_.push_back(std::move(job));
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
  }
  wake_.notify_one();
  return true;
}

void OffloadPool::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      waiting_.store(jobs_.size(), std::memory_order_relaxed);
    }
    const auto begin = std::chrono::steady_clock::now();
    job();
    const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - begin;
    const auto before = recent_cost_ns_.load(std::memory_order_relaxed);
    recent_cost_ns_.store(before == 0 ? spent.count() : (7 * before + spent.count()) / 8,
                          std::memory_order_relaxed);
  }
}

task<> OffloadPool::execute(Runtime& runtime, Job job, Deadline deadline) {
  if (runtime.simulated()) {
    job();
    co_return;
  }
  const bool too_late = deadline != no_deadline && runtime.now() + expected_wait() > deadline;
  if (too_late) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    co_return;
  }

  std::exception_ptr thrown;
  using Handler = asio::any_completion_handler<void()>;
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this, &runtime, &job, &thrown](Handler handler) {
        // std::function wants copies, a handler has none: it travels behind a shared pointer.
        auto resume = std::make_shared<Handler>(std::move(handler));
        auto guard = asio::make_work_guard(runtime.context());
        const bool accepted = submit([&runtime, &job, &thrown, resume, guard] {
          try {
            job();
          } catch (...) {
            thrown = std::current_exception();
          }
          runtime.post([resume] { std::move (*resume)(); });
        });
        if (accepted) return;
        refused_.fetch_add(1, std::memory_order_relaxed);
        runtime.post([resume] { std::move (*resume)(); });
      },
      asio::use_awaitable_t<Executor>{});
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace babilu
