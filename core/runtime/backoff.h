#pragma once

#include <algorithm>
#include <cassert>

#include "core/crypto/random.h"
#include "core/runtime/clock.h"

namespace babilu {

/// Exponential backoff with full jitter: each pause is drawn between zero and a bound that doubles,
/// so that many who failed at once do not come back at once.
/// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)
class Backoff {
 public:
  Backoff(Clock::duration min, Clock::duration max) noexcept : min_(min), max_(max), bound_(min) {
    assert(Clock::duration::zero() <= min && min <= max);
  }

  Clock::duration next(crypto::Random& random) {
    std::uint64_t drawn = 0;
    crypto::fill_random(random, {reinterpret_cast<std::uint8_t*>(&drawn), sizeof drawn});
    const Clock::duration bound = bound_;
    bound_ = std::min(2 * bound_, max_);
    return Clock::duration(
        static_cast<std::int64_t>(drawn % static_cast<std::uint64_t>(bound.count() + 1)));
  }
  void reset() noexcept { bound_ = min_; }

 private:
  Clock::duration min_;
  Clock::duration max_;
  Clock::duration bound_;
};

}  // namespace babilu
