#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace babilu {

class Alarm;

/// The only source of time. Production reads the system's clocks; core/sim steps a virtual one.
///
/// A heap of deadlines, which the loop looks at before it waits: setting and cancelling an alarm is
/// O(log n) and costs no system call.
/// Owner: the Runtime. Thread: the Runtime's only.
class Clock {
 public:
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<Clock, duration>;
  static constexpr bool is_steady = true;

  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Monotonic time, for deadlines and intervals.
  virtual time_point now() const noexcept = 0;
  /// Time of day, for what people and other machines read: certificates, tokens, logs.
  virtual std::chrono::system_clock::time_point wall() const noexcept = 0;

  /// Runs every alarm that is due, in the order of due times, then of setting. For the loop.
  void fire_due(time_point now);
  /// Due time of the earliest alarm; time_point::max() when there is none.
  time_point earliest() const noexcept;

 private:
  friend class Alarm;
  void insert(Alarm& alarm);
  void erase(Alarm& alarm) noexcept;
  void place(std::size_t index, Alarm* alarm) noexcept;
  void sift_up(std::size_t index) noexcept;
  void sift_down(std::size_t index) noexcept;

  std::vector<Alarm*> heap_;
  std::uint64_t next_sequence_ = 0;
};

/// A moment on a Clock after which a wait is given up.
using Deadline = Clock::time_point;
inline constexpr Deadline no_deadline = Deadline::max();

/// One deadline and what to do then. Cancelled by its destructor.
///
/// The callback runs on the Runtime's thread, outside any coroutine; it must not throw.
class Alarm {
 public:
  using Callback = void (*)(void* context);

  Alarm(Clock& clock, Callback callback, void* context) noexcept
      : clock_(clock), callback_(callback), context_(context) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { cancel(); }

  /// Sets or moves the due time. no_deadline cancels.
  void set(Deadline due);
  void cancel() noexcept;
  bool is_set() const noexcept { return index_ != unset; }

 private:
  friend class Clock;
  static constexpr std::size_t unset = static_cast<std::size_t>(-1);
  bool before(const Alarm& other) const noexcept {
    return due_ != other.due_ ? due_ < other.due_ : sequence_ < other.sequence_;
  }

  Clock& clock_;
  Callback callback_;
  void* context_;
  Deadline due_{};
  std::uint64_t sequence_ = 0;
  std::size_t index_ = unset;
};

}  // namespace babilu
