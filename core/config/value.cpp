#include "core/config/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/base/harmless.h"
#include "core/base/utf8.h"

namespace babilu::config {

namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string shown(std::string_view text) {
  constexpr std::size_t limit = 60;
  const std::string_view kept = utf8_prefix(text, limit);
  std::string clean;
  append_utf8(clean, kept);
  return print_string(clean) + (kept.size() < text.size() ? "…" : "");
}

/// The text of a variable or flag. Without one, the problem says why, or nothing for TOML types.
Parsed<std::string> single_text(const RawValue& raw) {
  const auto* untyped = std::get_if<Untyped>(&raw);
  if (untyped == nullptr) return {};
  if (untyped->parts.size() != 1) return {std::nullopt, "given more than once"};
  return {untyped->parts.front(), {}};
}

template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

}  // namespace

std::string describe(const RawValue& raw) {
  return std::visit(Overloaded{
                        [](const Untyped& found) {
                          std::string all;
                          for (const std::string& part : found.parts) {
                            all += (all.empty() ? "" : ", ") + shown(part);
                          }
                          return all;
                        },
                        [](const std::string& found) { return "the text " + shown(found); },
                        [](std::int64_t found) { return fmt::format("the number {}", found); },
                        [](double found) { return "the number " + print_real(found); },
                        [](bool found) { return std::string(found ? "true" : "false"); },
                        [](const std::vector<std::string>& found) {
                          return "a list of " + std::to_string(found.size()) +
                                 (found.size() == 1 ? " text" : " texts");
                        },
                        [](const Unusable& found) { return found.description; },
                    },
                    raw);
}

Parsed<WideInteger> read_integer(const RawValue& raw) {
  if (const auto* number = std::get_if<std::int64_t>(&raw)) {
    const auto bits = static_cast<std::uint64_t>(*number);
    return {WideInteger{*number < 0, *number < 0 ? ~bits + 1 : bits}, {}};
  }
  const Parsed<std::string> text = single_text(raw);
  if (!text.value) return {std::nullopt, text.problem};
  std::string_view digits = *text.value;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const auto magnitude = whole_number<std::uint64_t>(digits);
  if (!magnitude) return {};
  return {WideInteger{negative, *magnitude}, {}};
}

Parsed<double> read_real(const RawValue& raw) {
  std::optional<double> found;
  if (const auto* real = std::get_if<double>(&raw)) found = *real;
  if (const auto* number = std::get_if<std::int64_t>(&raw)) found = static_cast<double>(*number);
  if (!found) {
    const Parsed<std::string> text = single_text(raw);
    if (!text.value) return {std::nullopt, text.problem};
    found = whole_number<double>(*text.value);
  }
  if (!found || !std::isfinite(*found)) return {};
  return {found, {}};
}

Parsed<bool> read_boolean(const RawValue& raw) {
  if (const auto* boolean = std::get_if<bool>(&raw)) return {*boolean, {}};
  const Parsed<std::string> text = single_text(raw);
  if (!text.value) return {std::nullopt, text.problem};
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (*text.value == yes) return {true, {}};
  }
  for (const char* no : {"false", "no", "off", "0"}) {
    if (*text.value == no) return {false, {}};
  }
  return {};
}

Parsed<std::string> read_string(const RawValue& raw) {
  Parsed<std::string> text;
  if (const auto* string = std::get_if<std::string>(&raw)) {
    text.value = *string;
  } else {
    text = single_text(raw);
  }
  // What is printed must be TOML, and NUL would end a path early.
  if (text.value && !is_utf8(*text.value)) return {std::nullopt, "which is not UTF-8"};
  if (text.value && text.value->find('\0') != std::string::npos) {
    return {std::nullopt, "which has a NUL in it"};
  }
  return text;
}

Parsed<std::vector<std::string>> read_list(const RawValue& raw) {
  std::vector<std::string> list;
  if (const auto* found = std::get_if<std::vector<std::string>>(&raw)) {
    list = *found;
  } else if (const auto* untyped = std::get_if<Untyped>(&raw)) {
    for (std::string_view rest : untyped->parts) {
      while (true) {
        const std::size_t comma = rest.find(',');
        list.emplace_back(trimmed(rest.substr(0, comma)));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
      }
    }
    if (std::find(list.begin(), list.end(), std::string()) != list.end()) {
      return {std::nullopt, "with an empty part"};
    }
  } else {
    return {};
  }
  for (const std::string& item : list) {
    if (const auto text = read_string(item); !text.value) return {std::nullopt, text.problem};
  }
  return {std::move(list), {}};
}

std::string print_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    text.remove_prefix(character.size());
    const bool whole = utf8_sequence_length(character) != 0;
    const char32_t code = whole ? code_point(character) : 0;
    if (character == "\"" || character == "\\") {
      out += '\\';
      out += character;
    } else if (character == "\n") {
      out += "\\n";
    } else if (whole && is_harmful(code)) {
      const auto number = static_cast<std::uint32_t>(code);
      out += number > 0xFFFF ? fmt::format("\\U{:08X}", number) : fmt::format("\\u{:04X}", number);
    } else {
      out += character;
    }
  }
  return out + '"';
}

std::string print_list(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const std::string& item : list) {
    if (out.size() > 1) out += ", ";
    out += print_string(item);
  }
  return out + "]";
}

std::string print_real(double value) {
  std::string text = fmt::format("{}", value);
  // TOML tells reals from integers by their form.
  if (text.find_first_of(".einf") == std::string::npos) text += ".0";
  return text;
}

}  // namespace babilu::config
