#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/bytes.h"
#include "core/crypto/random.h"

namespace babilu::backend {

/// What a sealed key is for; part of what authenticates it, so that one cannot stand for another.
enum class KeyPurpose : std::uint8_t { signing_seed = 1, encryption = 2 };

/// What one deployment keeps secret: a master key, and what is derived from it (HKDF-SHA-256,
/// RFC 5869). Every backend of the deployment has the same. Immutable; any thread.
class Deployment {
 public:
  static constexpr std::size_t master_key_bytes = 32;
  using Id = std::array<std::uint8_t, 8>;

  /// Throws std::invalid_argument unless the key has master_key_bytes.
  explicit Deployment(const Secret& master_key);

  /// Tells deployments apart; no secret.
  const Id& id() const noexcept { return id_; }
  const Secret& token_key() const noexcept { return token_key_; }

  /// A key of an account, sealed for the database (AES-256-GCM, random nonce), and back; nothing
  /// when it is not what was sealed for this purpose, account and version.
  Bytes seal_key(KeyPurpose purpose, std::uint64_t account, std::uint32_t version, ByteView key,
                 crypto::Random& random) const;
  std::optional<Secret> open_key(KeyPurpose purpose, std::uint64_t account, std::uint32_t version,
                                 ByteView sealed) const;

  /// A client's address in the database, for one account's name: recognised, but not readable.
  using AddressDigest = std::array<std::uint8_t, 16>;
  AddressDigest address_digest(std::string_view account_name, std::string_view address) const;

 private:
  Id id_;
  Secret token_key_;
  Secret wrapping_key_;
  Secret address_key_;
};

}  // namespace babilu::backend
