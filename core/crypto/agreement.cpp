#include "core/crypto/agreement.h"

#include <algorithm>
#include <stdexcept>

#include <botan/x25519.h>

#include "core/crypto/secret.h"

namespace babilu::crypto {

struct AgreementKey::Key {
  explicit Key(Secret bytes) : private_key(std::move(bytes)), botan(private_key) {
    const auto point = botan.public_value();
    std::copy_n(point.begin(), public_key.size(), public_key.begin());
  }

  Secret private_key;
  Botan::X25519_PrivateKey botan;
  AgreementPublicKey public_key;
};

AgreementKey::AgreementKey(Secret private_key)
    : key_(std::make_unique<const Key>(std::move(private_key))) {}
AgreementKey::~AgreementKey() = default;
AgreementKey::AgreementKey(AgreementKey&&) noexcept = default;
AgreementKey& AgreementKey::operator=(AgreementKey&&) noexcept = default;

AgreementKey AgreementKey::generate(Random& random) {
  return AgreementKey(random_secret(random, private_size));
}

AgreementKey AgreementKey::from_private(ByteView bytes) {
  if (bytes.size() != private_size)
    throw std::invalid_argument("AgreementKey: the private key must have 32 bytes");
  return AgreementKey(Secret(bytes.begin(), bytes.end()));
}

const AgreementPublicKey& AgreementKey::public_key() const noexcept {
  return key_->public_key;
}

const Secret& AgreementKey::private_key() const noexcept {
  return key_->private_key;
}

std::optional<Secret> AgreementKey::agree(const AgreementPublicKey& theirs) const {
  Secret shared = key_->botan.agree(theirs.data(), theirs.size());
  if (equal(shared, std::array<std::uint8_t, 32>{})) return std::nullopt;
  return shared;
}

}  // namespace babilu::crypto
