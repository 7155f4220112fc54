#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/bytes.h"
#include "core/crypto/random.h"

namespace babilu::crypto {

/// An X25519 public key (RFC 7748): the u coordinate, little-endian.
using AgreementPublicKey = std::array<std::uint8_t, 32>;

/// One side's X25519 key: two of them, each with the other's public key, arrive at the same secret.
/// Wiped when freed. Thread: const calls from several threads at once are fine.
/// Cost: about 60 µs to make one, and as much to agree.
class AgreementKey {
 public:
  static constexpr std::size_t private_size = 32;

  static AgreementKey generate(Random& random);

  /// Any 32 bytes are a key; clamped at use, as the RFC says. Throws std::invalid_argument for
  /// another size.
  static AgreementKey from_private(ByteView bytes);

  ~AgreementKey();
  AgreementKey(AgreementKey&&) noexcept;
  AgreementKey& operator=(AgreementKey&&) noexcept;

  const AgreementPublicKey& public_key() const noexcept;

  /// All that must be stored to have the key again.
  const Secret& private_key() const noexcept;

  /// The 32 shared bytes; feed them to hkdf_sha256, they are not uniform. Nothing if they are all
  /// zero, that is, if `theirs` is of small order and the secret no secret (§6.1).
  [[nodiscard]] std::optional<Secret> agree(const AgreementPublicKey& theirs) const;

 private:
  struct Key;
  explicit AgreementKey(Secret private_key);
  std::unique_ptr<const Key> key_;
};

}  // namespace babilu::crypto
