#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/telemetry/log_entry.h"

namespace babilu::telemetry {

enum class LogFormat : std::uint8_t {
  text,  // for people: time LEVEL component message key=value key="two words"
  json,  // for machines: one object a line, time in RFC 3339 with microseconds
};

/// One line, without the newline. Whatever the entry holds, the line is valid UTF-8 and has nothing
/// harmful in it (core/base/harmless.h), so a client can neither break a line nor drive a terminal.
std::string format_entry(const LogEntry& entry, LogFormat format);

/// UTC by RFC 3339 with six digits of fraction: "2025-01-31T09:30:00.000250Z".
std::string rfc3339(std::chrono::system_clock::time_point time);

/// Appends text as a JSON string with its quotes (RFC 8259 §7), fit for a terminal: what is harmful
/// there is escaped; malformed UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Where the level stands in a text line, for sinks that colour it.
inline constexpr std::size_t text_level_begin = 28;
inline constexpr std::size_t text_level_end = 33;

}  // namespace babilu::telemetry
