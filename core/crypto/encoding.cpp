#include "core/crypto/encoding.h"

#include <algorithm>
#include <array>

#include <botan/base64.h>
#include <botan/hex.h>

namespace babilu::crypto {

namespace {

// Numbers for bool, and | for ||: no branch on a character, as the text may be a secret.

constexpr unsigned within(char c, char first, char last) {
  return static_cast<unsigned>(c >= first) & static_cast<unsigned>(c <= last);
}

constexpr unsigned is_hex(char c) {
  return within(c, '0', '9') | within(c, 'a', 'f') | within(c, 'A', 'F');
}

constexpr unsigned is_alphanumeric(char c) {
  return within(c, 'A', 'Z') | within(c, 'a', 'z') | within(c, '0', '9');
}

template <typename Predicate>
bool all(std::string_view text, Predicate predicate) {
  unsigned good = 1;
  for (const char c : text) good &= predicate(c);
  return good == 1;
}

/// The last, shorter group of three bytes: the only place where two texts could mean the same.
bool last_group_is_canonical(ByteView bytes, std::string_view padded_text) {
  const std::size_t rest = bytes.size() % 3;
  if (rest == 0) return true;
  std::array<char, 4> again;
  std::size_t consumed = 0;
  Botan::base64_encode(again.data(), bytes.data() + bytes.size() - rest, rest, consumed, true);
  return padded_text.substr(padded_text.size() - 4) == std::string_view(again.data(), 4);
}

/// `text` has characters of the standard alphabet only; then Botan does not throw.
std::optional<Secret> decode_unpadded(Botan::secure_vector<char> text) {
  if (text.size() % 4 == 1) return std::nullopt;
  text.resize((text.size() + 3) / 4 * 4, '=');
  const std::string_view padded(text.data(), text.size());
  Secret bytes = Botan::base64_decode(padded, false);
  if (!last_group_is_canonical(bytes, padded)) return std::nullopt;
  return bytes;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  return Botan::hex_encode(bytes, false);
}

std::optional<Secret> from_hex(std::string_view text) {
  if (text.size() % 2 != 0 || !all(text, is_hex)) return std::nullopt;
  return Botan::hex_decode_locked(text, false);
}

std::string to_base64(ByteView bytes) {
  std::string text = Botan::base64_encode(bytes);
  text.resize((bytes.size() * 4 + 2) / 3);
  return text;
}

std::optional<Secret> from_base64(std::string_view text) {
  const auto is_good = [](char c) {
    return is_alphanumeric(c) | within(c, '+', '+') | within(c, '/', '/');
  };
  if (!all(text, is_good)) return std::nullopt;
  return decode_unpadded({text.begin(), text.end()});
}

std::string to_base64url(ByteView bytes) {
  std::string text = to_base64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<Secret> from_base64url(std::string_view text) {
  const auto is_good = [](char c) {
    return is_alphanumeric(c) | within(c, '-', '-') | within(c, '_', '_');
  };
  if (!all(text, is_good)) return std::nullopt;
  Botan::secure_vector<char> standard(text.begin(), text.end());
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  return decode_unpadded(std::move(standard));
}

}  // namespace babilu::crypto
