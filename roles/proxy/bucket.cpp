#include "roles/proxy/bucket.h"

#include <algorithm>

namespace babilu::proxy {

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t burst = 2 * second;
constexpr std::int64_t most_debt = 2 * second;

std::int64_t price(unsigned per_second, std::uint32_t count) noexcept {
  return second / per_second * count;
}

}  // namespace

bool Bucket::take_some(Clock::time_point now, unsigned per_second, std::uint32_t count) noexcept {
  const std::int64_t cost = std::min(price(per_second, count), burst);
  const std::int64_t time = now.time_since_epoch().count();
  std::int64_t before = empty_until_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t after = std::max(before, time) + cost;
    if (after - time > burst) return false;
    if (empty_until_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
  }
}

Clock::duration Bucket::charge(Clock::time_point now, unsigned per_second,
                               std::uint32_t count) noexcept {
  if (per_second == 0) return {};
  const std::int64_t time = now.time_since_epoch().count();
  const std::int64_t most = time + burst + most_debt;
  std::int64_t before = empty_until_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t after = std::min(std::max(before, time) + price(per_second, count), most);
    if (empty_until_.compare_exchange_weak(before, after, std::memory_order_relaxed)) {
      const std::int64_t next = after + price(per_second, 1);
      return Clock::duration(std::max<std::int64_t>(next - time - burst, 0));
    }
  }
}

Clock::duration Bucket::wait(Clock::time_point now, unsigned per_second,
                             std::uint32_t count) const noexcept {
  if (per_second == 0) return {};
  const std::int64_t time = now.time_since_epoch().count();
  const std::int64_t before = empty_until_.load(std::memory_order_relaxed);
  const std::int64_t after = std::max(before, time) + std::min(price(per_second, count), burst);
  return Clock::duration(std::max<std::int64_t>(after - time - burst, 0));
}

bool Bucket::full(Clock::time_point now) const noexcept {
  return empty_until_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
}

}  // namespace babilu::proxy
