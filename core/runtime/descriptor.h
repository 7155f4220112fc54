#pragma once

#include <cstdint>
#include <utility>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"

namespace babilu {

class Poller;
class Runtime;
class Waiter;

/// Owns a file descriptor that does not block, and the waits for it: at most one for each
/// direction.
///
/// Whoever reads or writes does so by system calls on get(), and tells when one moved less than was
/// asked for: only then is there something to wait for. Thread: the Runtime's.
class Descriptor {
 public:
  /// Takes over `descriptor`. Where it cannot be registered (no memory) open() is false afterwards.
  Descriptor(Runtime& runtime, int descriptor) noexcept;
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const noexcept { return descriptor_; }
  bool open() const noexcept { return descriptor_ >= 0; }
  /// Ends waits with operation_aborted, later, from the loop.
  void close() noexcept;

  /// All that was there has been read (epoll(7): a short read says so as well as EAGAIN).
  void read_all() noexcept { in_.ready = in_.ended; }
  /// No more can be written for now.
  void write_full() noexcept { out_.ready = out_.ended; }

  /// Returns when a read may give something: bytes, the end, or an error. timed_out at the
  /// deadline; operation_aborted after close(). A cancelled wait throws operation_aborted.
  task<error_code> readable(Deadline deadline = no_deadline) { return wait(in_, deadline); }
  task<error_code> writable(Deadline deadline = no_deadline) { return wait(out_, deadline); }
  /// The same without a coroutine: true when readable() would return at once; otherwise the waiter
  /// is told.
  bool when_readable(Waiter& waiter) noexcept { return when_ready(in_, waiter); }

 private:
  friend class Poller;
  class Wait;
  struct Direction {
    Waiter* waiter = nullptr;
    bool ready = true;
    bool ended = false;  ///< closed by the other side, or failed: stays ready
  };

  void on_ready(std::uint32_t events);
  void tell_both();
  bool when_ready(Direction& direction, Waiter& waiter) const noexcept;
  task<error_code> wait(Direction& direction, Deadline deadline);
  task<error_code> wait(Direction& direction);  ///< without a deadline: a smaller frame
  task<error_code> wait_until(Direction& direction, Deadline deadline);

  Runtime& runtime_;
  int descriptor_;
  Direction in_;
  Direction out_;
};

}  // namespace babilu
