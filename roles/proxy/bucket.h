#pragma once

#include <atomic>
#include <cstdint>

#include "core/runtime/clock.h"

namespace babilu::proxy {

/// So many events a second, and twice as many at once after a pause: the generic cell rate
/// algorithm (ITU-T I.371), one atomic number. What is heavier counts as several. Any thread.
class Bucket {
 public:
  /// False when this is too many; rate 0 is no limit. What counts as more than the bucket holds
  /// takes all that it holds.
  bool take(Clock::time_point now, unsigned per_second, std::uint32_t count = 1) noexcept {
    return per_second == 0 || take_some(now, per_second, count);
  }
  /// When the next so many may be taken, from now; 0: at once.
  Clock::duration wait(Clock::time_point now, unsigned per_second,
                       std::uint32_t count = 1) const noexcept;
  /// Counts what has happened already, which may be more than there was, and gives the time after
  /// which the next one may be taken: that is two seconds and one at most.
  Clock::duration charge(Clock::time_point now, unsigned per_second, std::uint32_t count) noexcept;
  /// As good as new: nothing is lost when it is forgotten. So four seconds after the last use at
  /// the latest.
  bool full(Clock::time_point now) const noexcept;

 private:
  bool take_some(Clock::time_point now, unsigned per_second, std::uint32_t count) noexcept;

  std::atomic<std::int64_t> empty_until_{0};
};

}  // namespace babilu::proxy
