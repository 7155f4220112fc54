#include "roles/peer/terminal/display.h"

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

bool between(char32_t first, char32_t c, char32_t last) {
  return first <= c && c <= last;
}

/// Changes the order or the lines of what stands beside it, or is there and cannot be seen
/// (Unicode TR #36; the bidirectional controls of UAX #9).
bool disguises(char32_t c) {
  return between(0x80, c, 0x9F) || c == 0x061C || between(0x200B, c, 0x200F) ||
         between(0x2028, c, 0x202E) || between(0x2060, c, 0x206F) || c == 0xFEFF ||
         between(0xFFF9, c, 0xFFFB) || between(0xE0000, c, 0xE007F);
}

void append_picture(std::string& out, char control) {
  // U+2400 and on are the pictures of U+0000 and on; that of DEL is U+2421.
  const int picture = control == 0x7F ? 0x21 : control;
  out += "\xE2\x90";
  out += static_cast<char>(0x80 + picture);
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
    } else if (disguises(code_point(text.substr(0, length)))) {
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
  std::string_view rest = line;
  for (std::size_t count = 0; count < most && !rest.empty(); ++count) {
    rest.remove_prefix(std::max<std::size_t>(utf8_sequence_length(rest), 1));
  }
  const std::string_view head = line.substr(0, line.size() - rest.size());
  std::string out = harmless(head);
  if (head.size() < text.size()) out += "…";
  return out;
}

std::string time_of_day(store::WallTime time) {
  return format_local(time, "%H:%M:%S");
}

std::string day_and_time(store::WallTime time) {
  return format_local(time, "%Y-%m-%d %H:%M");
}

}  // namespace babilu::peer
