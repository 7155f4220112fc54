#include "roles/backend/deployment.h"

#include <algorithm>
#include <stdexcept>

#include "core/crypto/aead.h"
#include "core/crypto/digest.h"

namespace babilu::backend {

namespace {

Secret derive(const Secret& master_key, std::string_view purpose, std::size_t size) {
  return crypto::hkdf_sha256(master_key, {}, bytes_of(purpose), size);
}

template <class Integer>
void append(Bytes& out, Integer value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

Bytes context(KeyPurpose purpose, std::uint64_t account, std::uint32_t version) {
  Bytes bytes{static_cast<std::uint8_t>(purpose)};
  append(bytes, account);
  append(bytes, version);
  return bytes;
}

}  // namespace

Deployment::Deployment(const Secret& master_key) {
  if (master_key.size() != master_key_bytes) {
    throw std::invalid_argument("a master key has 32 bytes");
  }
  const Secret id = derive(master_key, "babilu deployment id v1", id_.size());
  std::copy(id.begin(), id.end(), id_.begin());
  token_key_ = derive(master_key, "babilu token key v1", 32);
  wrapping_key_ = derive(master_key, "babilu wrapping key v1", 32);
  address_key_ = derive(master_key, "babilu address key v1", 32);
}

Deployment::AddressDigest Deployment::address_digest(std::string_view account_name,
                                                     std::string_view address) const {
  // A name has a digest's size, so that nothing can move between name and address.
  const auto name = crypto::sha256(bytes_of(account_name));
  const auto whole = crypto::hmac_sha256(address_key_, {name, bytes_of(address)});
  AddressDigest digest{};
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  return digest;
}

Bytes Deployment::seal_key(KeyPurpose purpose, std::uint64_t account, std::uint32_t version,
                           ByteView key, crypto::Random& random) const {
  crypto::Aead aead(wrapping_key_);
  return crypto::seal_with_random_nonce(aead, random, context(purpose, account, version), key);
}

std::optional<Secret> Deployment::open_key(KeyPurpose purpose, std::uint64_t account,
                                           std::uint32_t version, ByteView sealed) const {
  crypto::Aead aead(wrapping_key_);
  return crypto::open_with_nonce(aead, context(purpose, account, version), sealed);
}

}  // namespace babilu::backend
