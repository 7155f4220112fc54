#include "core/crypto/encoding.h"

#include <gtest/gtest.h>

#include "core/crypto/random.h"
#include "core/crypto/secret.h"

namespace babilu::crypto {
namespace {

std::optional<std::string> text_of(const std::optional<Secret>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(babilu::text_of(*bytes));
}

struct Base64Case {
  std::string_view text;
  std::string_view encoded;
};

// RFC 4648 §10, less the padding.
constexpr Base64Case rfc4648[] = {
    {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};

TEST(CryptoEncoding, Base64MatchesRfc4648) {
  for (const auto& [text, encoded] : rfc4648) {
    EXPECT_EQ(to_base64(bytes_of(text)), encoded);
    EXPECT_EQ(to_base64url(bytes_of(text)), encoded);
    EXPECT_EQ(text_of(from_base64(encoded)), text);
    EXPECT_EQ(text_of(from_base64url(encoded)), text);
  }
}

TEST(CryptoEncoding, AlphabetsDifferInTwoCharactersAndAreNotMixed) {
  const Bytes bytes{0xfb, 0xff, 0xbf};
  EXPECT_EQ(to_base64(bytes), "+/+/");
  EXPECT_EQ(to_base64url(bytes), "-_-_");
  EXPECT_TRUE(from_base64("+/+/"));
  EXPECT_TRUE(from_base64url("-_-_"));
  EXPECT_FALSE(from_base64("-_-_"));
  EXPECT_FALSE(from_base64url("+/+/"));
}

TEST(CryptoEncoding, Base64HasOneFormOnly) {
  // Trailing bits that no byte has, at both lengths.
  EXPECT_TRUE(from_base64url("Zg"));
  EXPECT_FALSE(from_base64url("Zh"));
  EXPECT_FALSE(from_base64url("Zv"));
  EXPECT_TRUE(from_base64url("Zm8"));
  EXPECT_FALSE(from_base64url("Zm9"));
  // Padding, white space, NUL, a length that no bytes have.
  for (const std::string_view bad :
       {"Zg==", "Zg=", "=", "====", "Zm9v\n", " Zm9v", "Zm 9v", "Z", "Zm9vY", "Zm9*", "Zm9\xff"}) {
    EXPECT_FALSE(from_base64url(bad)) << bad;
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
  EXPECT_FALSE(from_base64url(std::string_view("Zm\0v", 4)));
}

TEST(CryptoEncoding, EverySingleCharacterOfATokenCounts) {
  const Secret token = random_secret(system_random(), 32);
  const std::string text = to_base64url(token);
  EXPECT_EQ(text.size(), 43u);
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string changed = text;
      changed[i] = static_cast<char>(c);
      const auto decoded = from_base64url(changed);
      EXPECT_EQ(decoded == token, changed == text) << i << " " << c;
    }
  }
}

TEST(CryptoEncoding, HexBothWays) {
  const Bytes bytes{0x00, 0x01, 0x7f, 0x80, 0xab, 0xff};
  EXPECT_EQ(to_hex(bytes), "00017f80abff");
  EXPECT_EQ(from_hex("00017f80abff"), Secret(bytes.begin(), bytes.end()));
  EXPECT_EQ(from_hex("00017F80ABFF"), Secret(bytes.begin(), bytes.end()));
  EXPECT_EQ(from_hex(""), Secret{});
  for (const std::string_view bad : {"0", "000", "0g", "0x00", " 00", "00 ", "0 0 ", "00\n0"})
    EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(CryptoEncoding, TenMegabytes) {
  const Secret bytes = random_secret(system_random(), 10'000'000);
  EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
}

}  // namespace
}  // namespace babilu::crypto
