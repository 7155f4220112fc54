#include "roles/peer/terminal/display.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "core/base/utf8.h"

namespace babilu::peer {

namespace {

constexpr std::string_view indentation = "         | ";
constexpr std::string_view replacement = "\xEF\xBF\xBD";

char32_t code_point(std::string_view sequence) {
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

struct Range {
  char32_t first;
  char32_t last;
};
/// Changes the order or the lines of what stands beside it, or is there and cannot be seen:
/// controls (C1, UAX #9), line separators, and what is ignorable by default (Unicode's
/// DerivedCoreProperties.txt) but for variation selectors, which only choose a picture.
constexpr Range disguises[] = {
    {0x80, 0x9F},       {0xAD, 0xAD},       {0x34F, 0x34F},    {0x61C, 0x61C},   {0x115F, 0x1160},
    {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x200B, 0x200F},  {0x2028, 0x202E}, {0x2060, 0x206F},
    {0x3164, 0x3164},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},  {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF}, {0xE01F0, 0xE0FFF}};

bool is_disguise(char32_t c) {
  return std::ranges::any_of(
      disguises, [c](const Range& range) { return range.first <= c && c <= range.last; });
}

void append_picture(std::string& out, char control) {
  // U+2400 and on are the pictures of U+0000 and on; that of DEL is U+2421.
  const int picture = control == 0x7F ? 0x21 : control;
  out += "\xE2\x90";
  out += static_cast<char>(0x80 + picture);
}

std::string_view first_characters(std::string_view text, std::size_t count) {
  std::string_view rest = text;
  for (; count > 0 && !rest.empty(); --count) {
    rest.remove_prefix(std::max<std::size_t>(utf8_sequence_length(rest), 1));
  }
  return text.substr(0, text.size() - rest.size());
}

std::string format_local(store::WallTime time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 32> out{};
  const std::size_t size = std::strftime(out.data(), out.size(), format, &parts);
  return {out.data(), size};
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    const char first = text.front();
    if (length == 0) {
      out += replacement;
    } else if (first == '\n') {
      (out += '\n') += indentation;
    } else if (first == '\t') {
      out += "    ";
    } else if (length == 1 && (static_cast<unsigned char>(first) < 0x20 || first == 0x7F)) {
      append_picture(out, first);
    } else if (is_disguise(code_point(text.substr(0, length)))) {
      out += replacement;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string harmless_excerpt(std::string_view text, std::size_t most) {
  const std::string_view line = text.substr(0, text.find('\n'));
  // Each character becomes one, or several as a tab does: the one after the last tells that there
  // is more.
  const std::string shown = harmless(first_characters(line, most + 1));
  const std::string_view head = first_characters(shown, most);
  std::string out(head);
  if (head.size() < shown.size() || line.size() < text.size()) out += "…";
  return out;
}

std::string time_of_day(store::WallTime time) {
  return format_local(time, "%H:%M:%S");
}

std::string day_and_time(store::WallTime time) {
  return format_local(time, "%Y-%m-%d %H:%M");
}

}  // namespace babilu::peer
