#include "roles/proxy/bucket.h"

#include <algorithm>

namespace babilu::proxy {

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t burst = 2 * second;

}  // namespace

bool Bucket::take_one(Clock::time_point now, unsigned per_second) noexcept {
  const std::int64_t interval = second / per_second;
  const std::int64_t time = now.time_since_epoch().count();
  std::int64_t before = empty_until_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t after = std::max(before, time) + interval;
    if (after - time > burst) return false;
    if (empty_until_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
  }
}

Clock::duration Bucket::wait(Clock::time_point now, unsigned per_second) const noexcept {
  if (per_second == 0) return {};
  const std::int64_t time = now.time_since_epoch().count();
  const std::int64_t before = empty_until_.load(std::memory_order_relaxed);
  const std::int64_t after = std::max(before, time) + second / per_second;
  return Clock::duration(std::max<std::int64_t>(after - time - burst, 0));
}

bool Bucket::full(Clock::time_point now) const noexcept {
  return empty_until_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
}

}  // namespace babilu::proxy
