// What others write is made harmless before a terminal sees it.
//
// Input: the text.
#include <string>

#include "core/base/utf8.h"
#include "roles/peer/terminal/display.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

constexpr std::string_view indentation = "         | ";

char32_t first_character(std::string_view text, std::size_t length) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (length == 1) return lead;
  char32_t value = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  return value;
}

struct Range {
  char32_t first;
  char32_t last;
};
/// Controls, and what Unicode calls bidirectional controls or ignorable by default
/// (DerivedCoreProperties.txt): it would act, or be there unseen. Variation selectors choose a
/// picture and may stay, and so may the joiners that Persian and emoji are written with.
constexpr Range harmful[] = {
    {0x00, 0x09},      {0x0B, 0x1F},     {0x7F, 0x9F},       {0xAD, 0xAD},       {0x34F, 0x34F},
    {0x61C, 0x61C},    {0x115F, 0x1160}, {0x17B4, 0x17B5},   {0x180E, 0x180E},   {0x200B, 0x200B},
    {0x200E, 0x200F},  {0x2028, 0x202E}, {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0},  {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF},
    {0xE01F0, 0xE0FFF}};

std::size_t check_harmless(std::string_view shown) {
  std::size_t characters = 0;
  for (; !shown.empty(); ++characters) {
    const std::size_t length = utf8_sequence_length(shown);
    check(length != 0, "what is shown is UTF-8");
    const char32_t character = first_character(shown, length);
    for (const Range& range : harmful) {
      check(character < range.first || character > range.last,
            "what is shown commands no terminal and hides nothing");
    }
    shown.remove_prefix(length);
    if (character == '\n') {
      check(shown.starts_with(indentation), "no line after the first passes for another message");
    }
  }
  return characters;
}

void check_excerpt(std::string_view text, std::size_t most) {
  const std::string excerpt = peer::harmless_excerpt(text, most);
  const std::size_t characters = check_harmless(excerpt);
  check(excerpt.find('\n') == std::string::npos, "an excerpt is one line");
  const bool cut = excerpt.ends_with("…") && characters == most + 1;
  check(characters <= most || cut, "an excerpt has no more characters than asked for");
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  const std::string text(text_of({data, size}));
  const std::string shown = peer::harmless(text);
  check_harmless(shown);
  const bool one_line = text.find('\n') == std::string::npos;
  check(!one_line || peer::harmless(shown) == shown, "what is harmless stays as it is");
  for (const std::size_t most : {1, 5, 60, 400}) check_excerpt(text, most);
  return 0;
}
