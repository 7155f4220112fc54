#include "core/crypto/digest.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include <botan/hash.h>
#include <botan/mac.h>

#include "core/crypto/secret.h"

namespace babilu::crypto {

namespace {

template <typename Digest>
Digest digest_with(Botan::HashFunction& hash, ByteView message) {
  Digest out;
  hash.update(message);
  hash.final(std::span<std::uint8_t>(out));
  return out;
}

Botan::MessageAuthenticationCode& hmac_of_this_thread() {
  thread_local const auto hmac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)");
  return *hmac;
}

}  // namespace

Digest256 sha256(ByteView message) {
  thread_local const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
  return digest_with<Digest256>(*hash, message);
}

Digest512 sha512(ByteView message) {
  thread_local const auto hash = Botan::HashFunction::create_or_throw("SHA-512");
  return digest_with<Digest512>(*hash, message);
}

Digest256 hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  constexpr std::size_t max_key_size = 4096;
  if (key.size() > max_key_size) throw std::invalid_argument("hmac_sha256: a key over 4096 bytes");
  auto& hmac = hmac_of_this_thread();
  hmac.set_key(key);
  for (const ByteView part : parts) hmac.update(part);
  Digest256 out;
  hmac.final(std::span<std::uint8_t>(out));
  return out;
}

Secret hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::size_t size) {
  constexpr std::size_t block_size = std::tuple_size_v<Digest256>;
  if (size > 255 * block_size) throw std::invalid_argument("hkdf_sha256: more than 8160 bytes");

  // Botan's KDF makes four objects a call; on the request path that costs more than the hashing.
  Digest256 key = hmac_sha256(salt, {secret});
  auto& hmac = hmac_of_this_thread();
  hmac.set_key(key);
  wipe(key);

  Secret out(size);
  Digest256 block;
  ByteView previous;
  std::uint8_t counter = 0;
  for (MutableByteView rest = out; !rest.empty();) {
    hmac.update(previous);
    hmac.update(info);
    hmac.update(++counter);
    hmac.final(std::span<std::uint8_t>(block));
    previous = block;
    const std::size_t taken = std::min(block_size, rest.size());
    std::copy_n(block.begin(), taken, rest.begin());
    rest = rest.subspan(taken);
  }
  wipe(block);
  return out;
}

}  // namespace babilu::crypto
