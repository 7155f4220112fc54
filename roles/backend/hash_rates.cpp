#include "roles/backend/hash_rates.h"

#include <algorithm>

namespace babilu::backend {

namespace {

constexpr Clock::duration burst = std::chrono::seconds(2);
constexpr Clock::duration sweep_pause = std::chrono::seconds(1);

}  // namespace

std::optional<Clock::duration> HashRates::take(const ClientShare& share, Clock::time_point now) {
  if (per_second_ == 0 || share.loopback) return std::nullopt;
  const Clock::duration interval = Clock::duration(std::chrono::seconds(1)) / per_second_;
  const std::lock_guard lock(mutex_);
  auto entry = empty_until_.find(share.name);
  if (entry == empty_until_.end()) {
    if (!has_room(now)) return std::nullopt;
    entry = empty_until_.emplace(share.name, now).first;
  }
  const Clock::time_point after = std::max(entry->second, now) + interval;
  if (after - now > burst) return after - now - burst;
  entry->second = after;
  return std::nullopt;
}

std::size_t HashRates::remembered() const {
  const std::lock_guard lock(mutex_);
  return empty_until_.size();
}

/// Forgets those that have recovered, when there is need to.
bool HashRates::has_room(Clock::time_point now) {
  if (empty_until_.size() < most_remembered) return true;
  if (now - last_sweep_ < sweep_pause) return false;
  last_sweep_ = now;
  std::erase_if(empty_until_, [&](const auto& entry) { return entry.second <= now; });
  return empty_until_.size() < most_remembered;
}

}  // namespace babilu::backend
