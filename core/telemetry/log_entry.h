#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace babilu::telemetry {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };

/// "trace", "debug", "info", "warn", "error", "off".
std::string_view to_string(LogLevel level) noexcept;
std::optional<LogLevel> parse_log_level(std::string_view name) noexcept;

/// One event with everything that it says, owned: what the admin endpoint's /log shows.
struct LogEntry {
  struct Value {
    std::string key;
    std::string text;    // may hold any bytes; the formats make it valid UTF-8
    bool quoted = true;  // false: a number or a boolean, written bare in JSON
  };

  std::chrono::system_clock::time_point time;
  LogLevel level = LogLevel::info;
  std::string component;
  std::string message;
  std::vector<Value> values;
};

}  // namespace babilu::telemetry
