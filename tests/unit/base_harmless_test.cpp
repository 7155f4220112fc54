#include "core/base/harmless.h"

#include <gtest/gtest.h>

namespace babilu {
namespace {

TEST(Harmless, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(harmless("hello, wörld 你好 👋"), "hello, wörld 你好 👋");
}

TEST(Harmless, ShowsCommandsToTheTerminalInsteadOfGivingThem) {
  EXPECT_EQ(harmless("\x1B[2J\x07\r\x7F"), "␛[2J␇␍␡");
  EXPECT_EQ(harmless("\xC2\x9B"
                     "31m"),
            "\xEF\xBF\xBD"
            "31m");  // CSI as one character
  EXPECT_EQ(harmless("a\tb"), "a    b");
}

TEST(Harmless, ShowsWhatWouldDisguiseItself) {
  EXPECT_EQ(harmless("\xE2\x80\xAE"
                     "abc"),
            "\xEF\xBF\xBD"
            "abc");  // right-to-left override
  EXPECT_EQ(harmless("\xE2\x81\xA6"), "\xEF\xBF\xBD");
  EXPECT_EQ(harmless("\xE2\x80\xA8"), "\xEF\xBF\xBD");  // line separator
  EXPECT_EQ(harmless("\xFF\xFE"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(harmless("\xC2\xAD"), "\xEF\xBF\xBD");      // soft hyphen
  EXPECT_EQ(harmless("\xE3\x85\xA4"), "\xEF\xBF\xBD");  // Hangul filler, which looks like a space
}

TEST(Harmless, NoLineOfATextPassesForAnotherMessage) {
  EXPECT_EQ(harmless("one\n12:00:00 bob> two"), "one\n         | 12:00:00 bob> two");
}

TEST(Harmless, AnExcerptIsOneShortLine) {
  EXPECT_EQ(harmless_excerpt("short"), "short");
  EXPECT_EQ(harmless_excerpt("one\ntwo"), "one…");
  EXPECT_EQ(harmless_excerpt("äöüäöü", 3), "äöü…");
  EXPECT_EQ(harmless_excerpt("\x1B]0;title\x07", 3), "␛]0…");
  EXPECT_EQ(harmless_excerpt("a\tb\tc", 6), "a    b…");
  EXPECT_EQ(harmless_excerpt("a\tb", 6), "a    b");
}

TEST(Harmless, KeepsTheJoinersThatTextsAreWrittenWith) {
  const std::string persian = "می\u200Cخواهم";
  const std::string family = "👩\u200D👩\u200D👧";
  EXPECT_EQ(harmless(persian), persian);
  EXPECT_EQ(harmless(family), family);
  EXPECT_EQ(harmless_line(family), family);
}

/// Mongolian letters have several shapes, of which a variation selector chooses one.
TEST(Harmless, KeepsWhatChoosesAShape) {
  const std::string mongolian = "ᠨ\u180B ᠭ\u180D", heart = "❤\uFE0F";
  EXPECT_EQ(harmless(mongolian), mongolian);
  EXPECT_EQ(harmless(heart), heart);
  EXPECT_EQ(harmless("\u180E"), "\uFFFD");  // the vowel separator, which cannot be seen
}

TEST(Harmless, ALineIsOneLine) {
  EXPECT_EQ(harmless_line("one\r\ntwo\tthree\x1B[2J\xC2\x9B"
                          "1m"),
            "one  two three␛[2J\xEF\xBF\xBD"
            "1m");
}

/// Whatever the bytes: nothing harmful comes out, and it is UTF-8.
TEST(Harmless, LetsNothingHarmfulThrough) {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
  for (char32_t c = 0x80; c < 0xFFFF; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    if (c >= 0x800) {
      text += static_cast<char>(0xE0 | c >> 12);
      text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    } else {
      text += static_cast<char>(0xC0 | c >> 6);
    }
    text += static_cast<char>(0x80 | (c & 0x3F));
  }
  const std::string out = harmless_line(text);
  EXPECT_TRUE(is_utf8(out));
  for (std::string_view rest = out; !rest.empty();) {
    const std::string_view character = first_character(rest);
    EXPECT_FALSE(is_harmful(code_point(character)));
    rest.remove_prefix(character.size());
  }
}

}  // namespace
}  // namespace babilu
