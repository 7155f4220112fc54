#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/bytes.h"
#include "core/crypto/random.h"

namespace babilu::crypto {

// Ed25519 (RFC 8032 §5.1). What a signature is for belongs into the signed message, first: one key
// signs many kinds of things, and one kind must never pass for another.

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// A signing key. Wiped when freed. Thread: const calls from several threads at once are fine.
class KeyPair {
 public:
  static constexpr std::size_t seed_size = 32;

  static KeyPair generate(Random& random);

  /// The key that RFC 8032 §5.1.5 makes of the seed. Throws std::invalid_argument unless it has
  /// seed_size bytes.
  static KeyPair from_seed(ByteView seed);

  ~KeyPair();
  KeyPair(KeyPair&&) noexcept;
  KeyPair& operator=(KeyPair&&) noexcept;

  const PublicKey& public_key() const noexcept;

  /// All that must be stored to have the key again.
  const Secret& seed() const noexcept;

  /// Deterministic. Cost: tens of µs, and one copy of the message.
  Signature sign(ByteView message) const;

 private:
  struct Key;
  explicit KeyPair(Secret seed);
  std::unique_ptr<const Key> key_;
};

/// The public key in `bytes`, if it is one that a person could own: 32 bytes, canonical, on the
/// curve, in the group of prime order. To be asked once, where a key comes in from outside
/// (sign-up, contact, invitation). Cost: about 100 µs.
[[nodiscard]] std::optional<PublicKey> parse_public_key(ByteView bytes);

/// Whether the owner of `key` signed `message`. False for a signature of another size than 64, for
/// one whose S is not below the group's order, and for a key that is not canonical or of small
/// order: under such a key anyone can make signatures. Cost: about 100 µs.
[[nodiscard]] bool verify(const PublicKey& key, ByteView message, ByteView signature);

}  // namespace babilu::crypto
