#include "core/telemetry/log_limiter.h"

namespace babilu::telemetry {

namespace {
constexpr std::string_view shared_key = "others";
}

LogLimiter::Window& LogLimiter::window_of(std::string_view key, time_point now) {
  const auto found = windows_.find(key);
  if (found != windows_.end()) return found->second;
  if (windows_.size() >= key_limit) {
    std::erase_if(windows_, [&](const auto& entry) {
      return over(entry.second, now) && entry.second.suppressed == 0;
    });
  }
  const bool full = windows_.size() >= key_limit;
  return windows_.try_emplace(std::string(full ? shared_key : key), Window{now}).first->second;
}

std::optional<std::uint64_t> LogLimiter::admit(std::string_view key, time_point now) {
  const std::lock_guard lock(mutex_);
  Window& window = window_of(key, now);
  if (over(window, now)) {
    window.begin = now;
    window.passed = 0;
  }
  if (window.passed >= burst_) {
    ++window.suppressed;
    return std::nullopt;
  }
  ++window.passed;
  return std::exchange(window.suppressed, 0);
}

std::vector<std::pair<std::string, std::uint64_t>> LogLimiter::take_over(time_point now) {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::uint64_t>> taken;
  for (auto entry = windows_.begin(); entry != windows_.end();) {
    if (!over(entry->second, now)) {
      ++entry;
      continue;
    }
    if (entry->second.suppressed != 0) taken.emplace_back(entry->first, entry->second.suppressed);
    entry = windows_.erase(entry);
  }
  return taken;
}

}  // namespace babilu::telemetry
