// Ciphertexts of the vault: what was sealed opens to the same, and nothing else opens.
//
// Input: account (8), key version (4), length of associated data (1), of plaintext (1), both, then
// a byte that says what is done to the ciphertext, and with what.
#include "roles/backend/vault/ciphertext.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/crypto/digest.h"
#include "core/sim/seeded_random.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using backend::CiphertextHeader;

/// A key and nonces for just this message: what an earlier input sealed, and the search remembers,
/// is a forgery here.
struct Sealer {
  explicit Sealer(ByteView message) : digest(crypto::sha256(message)), key(digest) {
    std::uint64_t seed = 0;
    std::memcpy(&seed, digest.data(), sizeof seed);
    random = std::make_unique<sim::SeededRandom>(seed);
  }

  crypto::Digest256 digest;
  crypto::Aead key;
  std::unique_ptr<sim::SeededRandom> random;
};

void check_header(ByteView ciphertext) {
  const auto header = CiphertextHeader::decode(ciphertext);
  if (!header) return;
  const auto encoded = header->encode();
  check(std::ranges::equal(encoded, ciphertext.first(CiphertextHeader::size)),
        "a header that is read is written as it was");
}

/// As the vault does it: decoded first.
std::optional<Secret> open(crypto::Aead& key, ByteView ciphertext, ByteView associated_data) {
  check_header(ciphertext);
  if (!CiphertextHeader::decode(ciphertext)) return std::nullopt;
  return backend::decrypt(key, ciphertext, associated_data);
}

Bytes changed(const Bytes& ciphertext, Input& input) {
  Bytes bytes = ciphertext;
  switch (input.byte() % 4) {
    case 0:  // bits
      while (!input.empty()) {
        const std::size_t place = input.number<std::uint16_t>() % bytes.size();
        bytes[place] ^= input.byte();
      }
      break;
    case 1:  // shorter
      bytes.resize(input.number<std::uint16_t>() % (bytes.size() + 1));
      break;
    case 2: {  // longer
      const ByteView more = input.rest();
      bytes.insert(bytes.end(), more.begin(), more.end());
      break;
    }
    default: {  // another altogether
      const ByteView other = input.rest();
      bytes.assign(other.begin(), other.end());
    }
  }
  bytes.shrink_to_fit();
  return bytes;
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  Input input({data, size});
  CiphertextHeader header;
  header.account = input.number<std::uint64_t>();
  header.key_version = input.number<std::uint32_t>();
  const std::size_t associated_bytes = input.byte();
  const std::size_t plain_bytes = input.byte();
  const ByteView associated = input.bytes(associated_bytes);
  const ByteView plain = input.bytes(plain_bytes);

  Sealer sealer(ByteView(data, size).first(size - input.left()));
  const auto open = [&](ByteView ciphertext, ByteView with) {
    return fuzz::open(sealer.key, ciphertext, with);
  };
  const Bytes sealed = backend::encrypt(sealer.key, header, associated, plain, *sealer.random);
  const auto read = CiphertextHeader::decode(sealed);
  check(read && read->account == header.account && read->key_version == header.key_version,
        "account and key version are read back");
  const auto opened = open(sealed, associated);
  check(opened && std::ranges::equal(*opened, plain), "what was sealed opens to the same");

  Bytes other(associated.begin(), associated.end());
  other.push_back(0);
  check(!open(sealed, other), "with other associated data it does not open");
  if (!associated.empty()) check(!open(sealed, {}), "nor without any");

  const Bytes forged = changed(sealed, input);
  const auto forged_open = open(forged, associated);
  check(forged_open.has_value() == (forged == sealed), "nothing else opens");
  return 0;
}
