#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "core/runtime/clock.h"

struct epoll_event;

namespace babilu {

class Descriptor;

/// Which file descriptors are ready: Linux's epoll, edge-triggered (epoll(7)). A descriptor is
/// registered once, so waiting for it again costs no system call, and one call tells of many.
///
/// Owner: the Runtime. Thread: the Runtime's, except for wake().
class Poller {
 public:
  /// Throws std::system_error when the machine is out of files.
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Registers; false, with errno, when that fails.
  bool add(Descriptor& descriptor) const noexcept;
  /// Forgets it, also what is known of it and not yet dispatched.
  void remove(Descriptor& descriptor) noexcept;

  /// Collects what is ready, and waits for something until `deadline`, or until wake(). A wake()
  /// after announce_wait() is never lost: look once more for other work between the two.
  void announce_wait() noexcept { waiting_.store(true); }
  void wait(Clock::time_point now, Deadline deadline) noexcept;
  bool has_ready() const noexcept { return next_ < count_; }
  /// Tells the descriptors what wait() found. Coroutines that waited for it run from here.
  void dispatch();

  /// Ends a wait. Any thread.
  void wake() noexcept;

 private:
  static constexpr int batch = 512;

  int poll(Clock::duration time) noexcept;

  const int epoll_;
  const int wake_;
  std::atomic<bool> waiting_{false};
  std::unique_ptr<epoll_event[]> ready_;
  int count_ = 0;
  int next_ = 0;
};

}  // namespace babilu
