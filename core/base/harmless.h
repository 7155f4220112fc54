#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/utf8.h"

/// What comes from elsewhere (another machine, a file, a person), made fit to be shown on a
/// terminal.
namespace babilu {

/// The code point of one well-formed UTF-8 sequence.
constexpr char32_t code_point(std::string_view sequence) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(sequence[i]); };
  switch (sequence.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    case 3:
      return (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    default:
      return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 |
             (byte(3) & 0x3Fu);
  }
}

/// Changes the order or the lines of what stands beside it, or is there and cannot be seen:
/// controls (C1, UAX #9), line separators, and what is ignorable by default (Unicode's
/// DerivedCoreProperties.txt), but for variation selectors, which only choose a picture, and the
/// joiners U+200C and U+200D: Persian and many emoji are written with them.
struct CodeRange {
  char32_t first;
  char32_t last;
};
inline constexpr CodeRange disguises[] = {
    {0x7F, 0x9F},       {0xAD, 0xAD},       {0x34F, 0x34F},     {0x61C, 0x61C},    {0x115F, 0x1160},
    {0x17B4, 0x17B5},   {0x180E, 0x180E},   {0x200B, 0x200B},   {0x200E, 0x200F},  {0x2028, 0x202E},
    {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},  {0xFFF0, 0xFFFB},
    {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF}, {0xE01F0, 0xE0FFF}};

/// Commands a terminal (C0, DEL, C1), or is a disguise.
constexpr bool is_harmful(char32_t c) noexcept {
  if (c < 0x7F) return c < 0x20;
  return std::ranges::any_of(
      disguises, [c](const CodeRange& range) { return range.first <= c && c <= range.last; });
}

/// Appends what shows one character, or one malformed byte: itself when it is harmless, of control
/// characters their pictures ("␛"), else U+FFFD.
inline void append_harmless(std::string& out, std::string_view sequence) {
  const bool well_formed = utf8_sequence_length(sequence) == sequence.size();
  const char32_t c = well_formed ? code_point(sequence) : 0x80;
  if (!is_harmful(c)) {
    out += sequence;
  } else if (c < 0x80) {
    // U+2400 and on are the pictures of U+0000 and on; that of DEL is U+2421.
    out += "\xE2\x90";
    out += static_cast<char>(0x80 + (c == 0x7F ? 0x21 : c));
  } else {
    out += "\xEF\xBF\xBD";
  }
}

/// The first character of a text that is not empty, or its first byte where that is malformed.
constexpr std::string_view first_character(std::string_view text) noexcept {
  return text.substr(0, std::max<std::size_t>(utf8_sequence_length(text), 1));
}

/// The text with everything in it that would command a terminal, or disguise itself, replaced by
/// something to see. Lines after the first are indented, so that none can pass for something else.
inline std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    text.remove_prefix(character.size());
    if (character == "\n") {
      out += "\n         | ";
    } else if (character == "\t") {
      out += "    ";
    } else {
      append_harmless(out, character);
    }
  }
  return out;
}

/// The same on one line: a blank for each line break and tab.
inline std::string harmless_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    text.remove_prefix(character.size());
    const bool white = character == "\n" || character == "\r" || character == "\t";
    append_harmless(out, white ? " " : character);
  }
  return out;
}

constexpr std::string_view first_characters(std::string_view text, std::size_t count) noexcept {
  std::string_view rest = text;
  for (; count > 0 && !rest.empty(); --count) rest.remove_prefix(first_character(rest).size());
  return text.substr(0, text.size() - rest.size());
}

/// The same of the first line, of at most `most` characters, with "…" after them when there is
/// more.
inline std::string harmless_excerpt(std::string_view text, std::size_t most = 60) {
  const std::string_view line = text.substr(0, text.find('\n'));
  // Each character becomes one, or several as a tab does: the one after the last tells that there
  // is more.
  const std::string shown = harmless(first_characters(line, most + 1));
  const std::string_view head = first_characters(shown, most);
  std::string out(head);
  if (head.size() < shown.size() || line.size() < text.size()) out += "…";
  return out;
}

}  // namespace babilu
