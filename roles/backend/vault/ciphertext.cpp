#include "roles/backend/vault/ciphertext.h"

namespace babilu::backend {

namespace {

constexpr std::uint8_t format = 1;

Bytes bound(ByteView header, ByteView associated_data) {
  // The header has a fixed length, so where the associated data begins is never in doubt.
  Bytes bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), associated_data.begin(), associated_data.end());
  return bytes;
}

}  // namespace

std::array<std::uint8_t, CiphertextHeader::size> CiphertextHeader::encode() const noexcept {
  std::array<std::uint8_t, size> bytes{format};
  for (std::size_t i = 0; i < 8; ++i) bytes[1 + i] = static_cast<std::uint8_t>(account >> (8 * i));
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[9 + i] = static_cast<std::uint8_t>(key_version >> (8 * i));
  }
  return bytes;
}

std::optional<CiphertextHeader> CiphertextHeader::decode(ByteView ciphertext) noexcept {
  constexpr std::size_t least = size + crypto::Aead::nonce_size + crypto::Aead::tag_size;
  if (ciphertext.size() < least || ciphertext[0] != format) return std::nullopt;
  CiphertextHeader header;
  for (std::size_t i = 0; i < 8; ++i) header.account |= std::uint64_t{ciphertext[1 + i]} << (8 * i);
  for (std::size_t i = 0; i < 4; ++i) {
    header.key_version |= std::uint32_t{ciphertext[9 + i]} << (8 * i);
  }
  return header;
}

Bytes encrypt(crypto::Aead& key, const CiphertextHeader& header, ByteView associated_data,
              ByteView plaintext, crypto::Random& random) {
  const auto front = header.encode();
  const Bytes sealed =
      crypto::seal_with_random_nonce(key, random, bound(front, associated_data), plaintext);
  Bytes ciphertext(front.begin(), front.end());
  ciphertext.insert(ciphertext.end(), sealed.begin(), sealed.end());
  return ciphertext;
}

std::optional<Secret> decrypt(crypto::Aead& key, ByteView ciphertext, ByteView associated_data) {
  return crypto::open_with_nonce(key,
                                 bound(ciphertext.first(CiphertextHeader::size), associated_data),
                                 ciphertext.subspan(CiphertextHeader::size));
}

}  // namespace babilu::backend
