#include "core/crypto/fingerprint.h"

#include "core/crypto/digest.h"
#include "core/crypto/encoding.h"

namespace babilu::crypto {

std::string fingerprint(ByteView public_key) {
  constexpr std::size_t shown_bytes = 20;
  constexpr std::size_t group_bytes = 2;
  const Digest256 digest = sha256(public_key);
  std::string text;
  for (std::size_t i = 0; i < shown_bytes; i += group_bytes) {
    if (i != 0) text += ' ';
    text += to_hex(ByteView(digest).subspan(i, group_bytes));
  }
  return text;
}

}  // namespace babilu::crypto
