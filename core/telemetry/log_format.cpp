#include "core/telemetry/log_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>

#include "core/base/harmless.h"

namespace babilu::telemetry {

namespace {

constexpr std::array<std::string_view, 6> level_names = {"trace", "debug", "info",
                                                         "warn",  "error", "off"};

/// As JSON writes it: two halves of a surrogate pair above U+FFFF (RFC 8259 §7).
void append_code(std::string& out, char32_t code) {
  if (code > 0xFFFF) {
    append_code(out, 0xD800 + ((code - 0x10000) >> 10));
    code = 0xDC00 + ((code - 0x10000) & 0x3FF);
  }
  fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(code));
}

void append_escape(std::string& out, std::string_view sequence) {
  switch (sequence.front()) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      append_code(out, code_point(sequence));
  }
}

/// Well-formed UTF-8 with control characters escaped, and quotes and backslashes where asked.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(sequence.size());
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (is_harmful(code_point(sequence))) {
      append_escape(out, sequence);
    } else {
      if (quoted && (sequence == "\"" || sequence == "\\")) out += '\\';
      out += sequence;
    }
  }
}

bool is_bare(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

void append_text_value(std::string& out, const LogEntry::Value& value) {
  out += ' ';
  for (const char c : value.key) out += is_bare(std::string_view(&c, 1)) ? c : '_';
  out += '=';
  if (is_bare(value.text)) {
    out += value.text;
    return;
  }
  append_json_string(out, value.text);
}

std::string format_text(const LogEntry& entry) {
  std::string level(to_string(entry.level));
  for (char& c : level) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string line = fmt::format("{} {:<5} ", rfc3339(entry.time), level);
  if (!entry.component.empty()) {
    append_escaped(line, entry.component, false);
    line += ' ';
  }
  append_escaped(line, entry.message, false);
  for (const LogEntry::Value& value : entry.values) append_text_value(line, value);
  return line;
}

bool is_reserved(std::string_view key) {
  return key == "time" || key == "level" || key == "component" || key == "message";
}

std::string format_json(const LogEntry& entry) {
  std::string line =
      fmt::format(R"({{"time":"{}","level":"{}")", rfc3339(entry.time), to_string(entry.level));
  if (!entry.component.empty()) {
    line += R"(,"component":)";
    append_json_string(line, entry.component);
  }
  line += R"(,"message":)";
  append_json_string(line, entry.message);
  for (const auto& [key, text, quoted] : entry.values) {
    line += ',';
    append_json_string(line, is_reserved(key) ? key + "_" : key);
    line += ':';
    if (quoted) {
      append_json_string(line, text);
    } else {
      line += text;
    }
  }
  line += '}';
  return line;
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  const auto index = static_cast<std::size_t>(level);
  return index < level_names.size() ? level_names[index] : "off";
}

std::optional<LogLevel> parse_log_level(std::string_view name) noexcept {
  const auto found = std::find(level_names.begin(), level_names.end(), name);
  if (found == level_names.end()) return std::nullopt;
  return static_cast<LogLevel>(found - level_names.begin());
}

std::string format_entry(const LogEntry& entry, LogFormat format) {
  return format == LogFormat::json ? format_json(entry) : format_text(entry);
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto fraction = std::chrono::floor<std::chrono::microseconds>(time - second);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     fraction.count());
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, true);
  out += '"';
}

}  // namespace babilu::telemetry
