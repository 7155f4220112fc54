#include "core/crypto/signature.h"

#include <algorithm>
#include <stdexcept>

#include <botan/ed25519.h>
#include <botan/pubkey.h>

#include "core/crypto/secret.h"

namespace babilu::crypto {

namespace {

// A key is its point's y, little-endian, below p = 2^255 - 19, with the sign of x in the top bit.
using Coordinate = std::array<std::uint8_t, 32>;

Coordinate without_sign(PublicKey key) {
  key[31] &= 0x7f;
  return key;
}

bool is_below_p(const Coordinate& y) {
  const bool high_bytes_are_full =
      y[31] == 0x7f && std::all_of(y.begin() + 1, y.begin() + 31, [](auto b) { return b == 0xff; });
  return !(high_bytes_are_full && y[0] >= 0xed);
}

// The y of the eight points whose order divides eight: each stands for a pair that differs in the
// sign of x, but for those of order one and two, where x is zero and the encoding with the sign bit
// is not canonical. All are refused.
constexpr std::array<Coordinate, 5> small_order_coordinates = {{
    // order 4
    {},
    // order 1, the neutral element
    {1},
    // order 2: p - 1
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    // order 8, and its negative
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
}};

bool is_acceptable(const PublicKey& key) {
  const Coordinate y = without_sign(key);
  return is_below_p(y) && std::find(small_order_coordinates.begin(), small_order_coordinates.end(),
                                    y) == small_order_coordinates.end();
}

}  // namespace

struct KeyPair::Key {
  explicit Key(Secret seed_bytes)
      : seed(std::move(seed_bytes)), botan(Botan::Ed25519_PrivateKey::from_seed(seed)) {
    const auto bytes = botan.raw_public_key_bits();
    std::copy_n(bytes.begin(), public_key.size(), public_key.begin());
  }

  Secret seed;
  Botan::Ed25519_PrivateKey botan;
  PublicKey public_key;
};

KeyPair::KeyPair(Secret seed) : key_(std::make_unique<const Key>(std::move(seed))) {}
KeyPair::~KeyPair() = default;
KeyPair::KeyPair(KeyPair&&) noexcept = default;
KeyPair& KeyPair::operator=(KeyPair&&) noexcept = default;

KeyPair KeyPair::generate(Random& random) {
  return KeyPair(random_secret(random, seed_size));
}

KeyPair KeyPair::from_seed(ByteView seed) {
  if (seed.size() != seed_size) throw std::invalid_argument("KeyPair: the seed must have 32 bytes");
  return KeyPair(Secret(seed.begin(), seed.end()));
}

const PublicKey& KeyPair::public_key() const noexcept {
  return key_->public_key;
}

const Secret& KeyPair::seed() const noexcept {
  return key_->seed;
}

Signature KeyPair::sign(ByteView message) const {
  Random& unused =
      system_random();  // the signature is deterministic; the interface wants a generator
  Botan::PK_Signer signer(key_->botan, unused, "Pure");
  const auto bytes = signer.sign_message(message, unused);
  Signature signature;
  std::copy_n(bytes.begin(), signature.size(), signature.begin());
  return signature;
}

std::optional<PublicKey> parse_public_key(ByteView bytes) {
  PublicKey key;
  if (bytes.size() != key.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), key.begin());
  if (!is_acceptable(key)) return std::nullopt;
  // On the curve, and of prime order.
  if (!Botan::Ed25519_PublicKey(bytes).check_key(system_random(), true)) return std::nullopt;
  return key;
}

bool verify(const PublicKey& key, ByteView message, ByteView signature) {
  if (signature.size() != std::tuple_size_v<Signature> || !is_acceptable(key)) return false;
  const Botan::Ed25519_PublicKey botan(key);
  return Botan::PK_Verifier(botan, "Pure").verify_message(message, signature);
}

}  // namespace babilu::crypto
