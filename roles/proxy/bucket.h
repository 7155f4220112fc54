#pragma once

#include <atomic>
#include <cstdint>

#include "core/runtime/clock.h"

namespace babilu::proxy {

/// So many events a second, and twice as many at once after a pause: the generic cell rate
/// algorithm (ITU-T I.371), one atomic number. Any thread.
class Bucket {
 public:
  /// False when one more is too many; rate 0 is no limit.
  bool take(Clock::time_point now, unsigned per_second) noexcept {
    return per_second == 0 || take_one(now, per_second);
  }
  /// When the next one may be taken, from now; 0: at once.
  Clock::duration wait(Clock::time_point now, unsigned per_second) const noexcept;
  /// As good as new: nothing is lost when it is forgotten. So two seconds after the last take at
  /// the latest.
  bool full(Clock::time_point now) const noexcept;

 private:
  bool take_one(Clock::time_point now, unsigned per_second) noexcept;

  std::atomic<std::int64_t> empty_until_{0};
};

}  // namespace babilu::proxy
