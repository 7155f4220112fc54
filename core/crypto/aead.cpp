#include "core/crypto/aead.h"

#include <algorithm>
#include <stdexcept>

#include <botan/aead.h>
#include <botan/exceptn.h>

#include "core/crypto/secret.h"

namespace babilu::crypto {

namespace {

std::string_view name_of(AeadAlgorithm algorithm) {
  switch (algorithm) {
    case AeadAlgorithm::aes_256_gcm:
      return "AES-256/GCM";
    case AeadAlgorithm::chacha20_poly1305:
      return "ChaCha20Poly1305";
  }
  throw std::invalid_argument("Aead: unknown algorithm");
}

}  // namespace

/// Each direction is made at its first use: many keys are used in one only.
struct Aead::Ciphers {
  AeadAlgorithm algorithm;
  Secret key;
  std::unique_ptr<Botan::AEAD_Mode> sealing;
  std::unique_ptr<Botan::AEAD_Mode> opening;
  Secret tag;  // Botan wants a secure_vector; this one is allocated once

  Botan::AEAD_Mode& started(std::unique_ptr<Botan::AEAD_Mode>& mode, Botan::Cipher_Dir direction,
                            const Nonce& nonce, ByteView associated_data) {
    if (!mode) {
      mode = Botan::AEAD_Mode::create_or_throw(name_of(algorithm), direction);
      mode->set_key(key);
      tag.reserve(tag_size);
    }
    mode->set_associated_data(associated_data);
    mode->start(nonce);
    return *mode;
  }
};

Aead::Aead(ByteView key, AeadAlgorithm algorithm) : ciphers_(std::make_unique<Ciphers>()) {
  if (key.size() != key_size) throw std::invalid_argument("Aead: the key must have 32 bytes");
  ciphers_->algorithm = algorithm;
  ciphers_->key.assign(key.begin(), key.end());
}

Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

Aead::Tag Aead::seal_in_place(const Nonce& nonce, ByteView associated_data, MutableByteView data) {
  Ciphers& ciphers = *ciphers_;
  auto& mode =
      ciphers.started(ciphers.sealing, Botan::Cipher_Dir::Encryption, nonce, associated_data);
  mode.process(data);
  ciphers.tag.clear();
  mode.finish(ciphers.tag);
  Tag out;
  std::copy_n(ciphers.tag.begin(), tag_size, out.begin());
  return out;
}

bool Aead::open_in_place(const Nonce& nonce, ByteView associated_data, MutableByteView data,
                         const Tag& tag) {
  Ciphers& ciphers = *ciphers_;
  auto& mode =
      ciphers.started(ciphers.opening, Botan::Cipher_Dir::Decryption, nonce, associated_data);
  mode.process(data);
  ciphers.tag.assign(tag.begin(), tag.end());
  try {
    mode.finish(ciphers.tag);
    return true;
  } catch (const Botan::Invalid_Authentication_Tag&) {
    wipe(data);
    return false;
  }
}

void Aead::seal(const Nonce& nonce, ByteView associated_data, ByteView plaintext, Bytes& out) {
  const std::size_t start = out.size();
  out.resize(start + plaintext.size() + tag_size);  // not reserve: many seals append to one buffer
  const auto ciphertext = MutableByteView(out).subspan(start, plaintext.size());
  std::copy(plaintext.begin(), plaintext.end(), ciphertext.begin());
  const Tag tag = seal_in_place(nonce, associated_data, ciphertext);
  std::copy(tag.begin(), tag.end(), out.end() - tag_size);
}

std::optional<Secret> Aead::open(const Nonce& nonce, ByteView associated_data, ByteView sealed) {
  if (sealed.size() < tag_size) return std::nullopt;
  const ByteView ciphertext = sealed.first(sealed.size() - tag_size);
  Tag tag;
  std::copy_n(sealed.end() - tag_size, tag_size, tag.begin());
  Secret out(ciphertext.begin(), ciphertext.end());
  if (!open_in_place(nonce, associated_data, out, tag)) return std::nullopt;
  return out;
}

Bytes seal_with_random_nonce(Aead& aead, Random& random, ByteView associated_data,
                             ByteView plaintext) {
  const auto nonce = random_array<Aead::nonce_size>(random);
  Bytes out;
  out.reserve(Aead::nonce_size + plaintext.size() + Aead::tag_size);
  out.assign(nonce.begin(), nonce.end());
  aead.seal(nonce, associated_data, plaintext, out);
  return out;
}

std::optional<Secret> open_with_nonce(Aead& aead, ByteView associated_data, ByteView sealed) {
  if (sealed.size() < Aead::nonce_size) return std::nullopt;
  Aead::Nonce nonce;
  std::copy_n(sealed.begin(), nonce.size(), nonce.begin());
  return aead.open(nonce, associated_data, sealed.subspan(nonce.size()));
}

}  // namespace babilu::crypto
