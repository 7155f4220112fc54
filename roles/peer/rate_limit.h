#pragma once

#include <algorithm>

#include "core/runtime/clock.h"

namespace babilu::peer {

/// A token bucket: so many at once, and so many a second after that. Thread: one.
class RateLimit {
 public:
  struct Options {
    int per_second;
    int burst;
  };

  explicit RateLimit(Options options) noexcept
      : interval_(Clock::duration(std::chrono::seconds(1)) / options.per_second),
        span_(interval_ * options.burst) {}

  /// Takes one, if there is one.
  bool take(Clock::time_point now) noexcept {
    const Clock::time_point begin = std::max(used_until_, now);
    if (begin + interval_ > now + span_) return false;
    used_until_ = begin + interval_;
    return true;
  }
  /// How long until there is one again.
  Clock::duration wait(Clock::time_point now) const noexcept {
    return std::max(used_until_ + interval_ - span_ - now, Clock::duration(0));
  }

 private:
  Clock::duration interval_;
  Clock::duration span_;
  Clock::time_point used_until_{};  ///< tokens are used up to here, as time
};

}  // namespace babilu::peer
