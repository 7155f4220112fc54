#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <botan/secmem.h>

namespace babilu {

/// Bytes that are no secret: ciphertext, encoded messages, public keys.
using Bytes = std::vector<std::uint8_t>;

/// Bytes that are wiped when freed. Anything from which a key, a token or a password can be learnt.
using Secret = Botan::secure_vector<std::uint8_t>;

using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

/// The bytes of a text, without a copy; valid as long as the text is.
inline ByteView bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The text of some bytes, without a copy; valid as long as the bytes are. Does not check UTF-8.
inline std::string_view text_of(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace babilu
