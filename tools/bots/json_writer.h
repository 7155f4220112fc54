#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/telemetry/log_format.h"

namespace babilu::bots {

/// Writes one JSON value (RFC 8259), indented for people. Calls must nest rightly: within an object
/// each value follows a key().
class JsonWriter {
 public:
  JsonWriter& open_object() { return open('{'); }
  JsonWriter& close_object() { return close('}'); }
  JsonWriter& open_list() { return open('['); }
  JsonWriter& close_list() { return close(']'); }

  JsonWriter& key(std::string_view name) {
    begin_value();
    telemetry::append_json_string(text_, name);
    text_ += ": ";
    after_key_ = true;
    return *this;
  }
  JsonWriter& value(std::string_view text) {
    begin_value();
    telemetry::append_json_string(text_, text);
    return *this;
  }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag) { return raw(flag ? "true" : "false"); }
  JsonWriter& value(std::integral auto number) { return raw(std::to_string(number)); }
  /// With `digits` after the point. JSON has no infinities.
  JsonWriter& value(double number, int digits = 3) {
    return raw(std::isfinite(number) ? fmt::format("{:.{}f}", number, digits) : "null");
  }
  template <class T>
  JsonWriter& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  const std::string& text() const noexcept { return text_; }

 private:
  JsonWriter& open(char bracket) {
    begin_value();
    text_ += bracket;
    ++depth_;
    first_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    --depth_;
    if (!first_) new_line();
    text_ += bracket;
    first_ = false;
    return *this;
  }
  JsonWriter& raw(std::string_view text) {
    begin_value();
    text_ += text;
    return *this;
  }
  void begin_value() {
    if (after_key_) {
      after_key_ = false;
      return;
    }
    if (!first_) text_ += ',';
    if (depth_ > 0) new_line();
    first_ = false;
  }
  void new_line() { text_.append(1, '\n').append(2 * depth_, ' '); }

  std::string text_;
  std::size_t depth_ = 0;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace babilu::bots
