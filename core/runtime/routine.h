#pragma once

#include <cassert>
#include <coroutine>
#include <exception>
#include <utility>

namespace babilu {

/// A coroutine that is a part of an object: it suspends by `co_await Routine::pause`, its owner
/// resumes it, and it ends with its owner wherever it stands. Nothing is allocated but its frame,
/// neither at its beginning nor for a wait: for what there is ten thousand of and sleeps mostly. A
/// task<> does everything else better.
///
/// No exception may leave it. It must not be destroyed while it runs. Thread: its owner's.
class Routine {
 public:
  struct promise_type {
    Routine get_return_object() noexcept {
      return Routine(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };
  static constexpr std::suspend_always pause{};

  Routine() = default;
  Routine(Routine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Routine& operator=(Routine&& other) noexcept {
    Routine taken(std::move(other));
    std::swap(handle_, taken.handle_);
    return *this;
  }
  ~Routine() {
    if (handle_) handle_.destroy();
  }

  /// Runs it to its next pause, or its end. It must be there and not have ended.
  void resume() {
    assert(!ended());
    handle_.resume();
  }
  bool ended() const noexcept { return !handle_ || handle_.done(); }

 private:
  explicit Routine(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

}  // namespace babilu
