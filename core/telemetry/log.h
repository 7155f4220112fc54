#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/telemetry/log_entry.h"
#include "core/telemetry/log_field.h"
#include "core/telemetry/log_format.h"
#include "core/telemetry/log_sink.h"

namespace babilu::telemetry {

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::vector<LogSink> sinks;  // empty: standard_error_sink()
  /// Time of day; the system's when empty. A simulation gives its own.
  std::function<std::chrono::system_clock::time_point()> now;
  std::size_t recent = 256;         // warnings and errors kept for recent()
  std::uint32_t burst = 10;         // lines that limited() lets through for a key …
  std::chrono::seconds window{10};  // … in this time
};

struct LogStatistics {
  std::array<std::uint64_t, 5> entries{};  // by level, trace … error, as far as enabled
  std::uint64_t suppressed = 0;            // by limited()
  std::uint64_t lost = 0;                  // lines that a sink could not write
};

/// The structured log of one node: `log.info("session opened", field("remote", address))`.
///
/// A handle: copies and children write to the same place and share level, limits and recent
/// entries. Any thread; nothing here throws or, with the sinks of log_sink.h, waits. A level that
/// is off costs a load and a branch (and the arguments, which render nothing yet). Texts are cut
/// after 1 KiB for a field and 4 KiB for a message.
class Log {
 public:
  /// Writes nothing, ever.
  Log() noexcept;
  explicit Log(LogOptions options);

  /// The same log under a component's name: "proxy.relay".
  Log component(std::string_view name) const;
  /// The same log with fields that each of its entries carries, rendered now.
  template <std::same_as<Field>... Fields>
  Log with(const Fields&... fields) const {
    return with_fields(std::array<Field, sizeof...(fields)>{fields...});
  }

  bool enabled(LogLevel level) const noexcept {
    return level >= level_->load(std::memory_order_relaxed);
  }
  /// For this log, its relatives, and from now on.
  void set_level(LogLevel level) noexcept;
  LogLevel level() const noexcept { return level_->load(std::memory_order_relaxed); }

  template <std::same_as<Field>... Fields>
  void log(LogLevel level, std::string_view message, const Fields&... fields) const noexcept {
    if (!enabled(level)) [[likely]] {
      return;
    }
    write(level, message, std::array<Field, sizeof...(fields)>{fields...});
  }
  template <std::same_as<Field>... Fields>
  void trace(std::string_view message, const Fields&... fields) const noexcept {
    log(LogLevel::trace, message, fields...);
  }
  template <std::same_as<Field>... Fields>
  void debug(std::string_view message, const Fields&... fields) const noexcept {
    log(LogLevel::debug, message, fields...);
  }
  template <std::same_as<Field>... Fields>
  void info(std::string_view message, const Fields&... fields) const noexcept {
    log(LogLevel::info, message, fields...);
  }
  template <std::same_as<Field>... Fields>
  void warn(std::string_view message, const Fields&... fields) const noexcept {
    log(LogLevel::warn, message, fields...);
  }
  template <std::same_as<Field>... Fields>
  void error(std::string_view message, const Fields&... fields) const noexcept {
    log(LogLevel::error, message, fields...);
  }

  /// For what a client can cause: at most `burst` entries for a key in each window; the next one
  /// that passes says how many were suppressed before it. Keys are names of events, "malformed
  /// frame"; past 1,024 of them the rest share one.
  template <std::same_as<Field>... Fields>
  void limited(LogLevel level, std::string_view key, std::string_view message,
               const Fields&... fields) const noexcept {
    if (!enabled(level)) [[likely]] {
      return;
    }
    write_limited(level, key, message, std::array<Field, sizeof...(fields)>{fields...});
  }
  /// Says what limited() suppressed in windows that are over and no later entry has said. Called
  /// now and then, and before the end.
  void report_suppressed() const noexcept;

  /// The last warnings and errors, oldest first.
  std::vector<LogEntry> recent() const;
  LogStatistics statistics() const noexcept;

 private:
  struct State;

  Log with_fields(std::span<const Field> fields) const;
  void write(LogLevel level, std::string_view message,
             std::span<const Field> fields) const noexcept;
  void write_limited(LogLevel level, std::string_view key, std::string_view message,
                     std::span<const Field> fields) const noexcept;

  const std::atomic<LogLevel>* level_;  // of state_, or one that is always off
  std::shared_ptr<State> state_;
  std::string component_;
  std::vector<LogEntry::Value> bound_;
};

}  // namespace babilu::telemetry
