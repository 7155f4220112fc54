#include "roles/proxy/bucket.h"

#include <algorithm>

namespace babilu::proxy {

bool Bucket::take_one(Clock::time_point now, unsigned per_second) noexcept {
  const std::int64_t interval = 1'000'000'000 / per_second;
  const std::int64_t burst = 2'000'000'000;
  const std::int64_t time = now.time_since_epoch().count();
  std::int64_t before = empty_until_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t after = std::max(before, time) + interval;
    if (after - time > burst) return false;
    if (empty_until_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
  }
}

bool Bucket::full(Clock::time_point now) const noexcept {
  return empty_until_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
}

}  // namespace babilu::proxy
