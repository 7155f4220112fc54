#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace babilu::telemetry {

/// Lets a few events of each key through in a window of time and counts the others. Bounded: past
/// 1,024 keys with something to remember, further ones share one. Any thread.
class LogLimiter {
 public:
  using time_point = std::chrono::system_clock::time_point;
  static constexpr std::size_t key_limit = 1024;

  LogLimiter(std::uint32_t burst, std::chrono::seconds window) : burst_(burst), window_(window) {}

  /// Nothing when the event is to be suppressed; else how many of its key were since the last that
  /// passed. A clock that is set back begins a new window.
  std::optional<std::uint64_t> admit(std::string_view key, time_point now);

  /// Keys whose window is over, with what was suppressed in it; forgets them.
  std::vector<std::pair<std::string, std::uint64_t>> take_over(time_point now);

 private:
  struct Window {
    time_point begin;
    std::uint32_t passed = 0;
    std::uint64_t suppressed = 0;
  };
  bool over(const Window& window, time_point now) const {
    return now < window.begin || now - window.begin >= window_;
  }
  Window& window_of(std::string_view key, time_point now);

  const std::uint32_t burst_;
  const std::chrono::seconds window_;
  std::mutex mutex_;
  std::map<std::string, Window, std::less<>> windows_;
};

}  // namespace babilu::telemetry
