#include "core/crypto/secret.h"

#include <botan/mem_ops.h>

namespace babilu::crypto {

bool equal(ByteView left, ByteView right) noexcept {
  return Botan::constant_time_compare(left, right);
}

void wipe(MutableByteView bytes) noexcept {
  Botan::secure_scrub_memory(bytes.data(), bytes.size());
}

Secret random_secret(Random& random, std::size_t size) {
  Secret out(size);
  fill_random(random, out);
  return out;
}

}  // namespace babilu::crypto
