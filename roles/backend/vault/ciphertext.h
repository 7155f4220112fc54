#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/crypto/aead.h"
#include "core/crypto/random.h"

namespace babilu::backend {

/// What stands in front of a ciphertext of the vault and is authenticated with it: format (1 byte,
/// 1), account (8), key version (4); little-endian. Then nonce (12), ciphertext, tag (16).
struct CiphertextHeader {
  static constexpr std::size_t size = 13;

  std::uint64_t account = 0;
  std::uint32_t key_version = 0;

  std::array<std::uint8_t, size> encode() const noexcept;
  /// Nothing when the bytes cannot be a ciphertext of this format.
  static std::optional<CiphertextHeader> decode(ByteView ciphertext) noexcept;
};

/// Encrypts under a key, with a random nonce. See CiphertextHeader.
Bytes encrypt(crypto::Aead& key, const CiphertextHeader& header, ByteView associated_data,
              ByteView plaintext, crypto::Random& random);

/// Nothing when a bit was changed, or the associated data differs. `ciphertext` has been decoded.
std::optional<Secret> decrypt(crypto::Aead& key, ByteView ciphertext, ByteView associated_data);

}  // namespace babilu::backend
