#pragma once

#include <cstddef>

#include "core/base/bytes.h"
#include "core/crypto/random.h"

namespace babilu::crypto {

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
[[nodiscard]] bool equal(ByteView left, ByteView right) noexcept;

/// Overwrites bytes in a way that the compiler may not leave out. `Secret` does this by itself when
/// it is freed; this is for arrays and for buffers that are used again.
void wipe(MutableByteView bytes) noexcept;

/// `size` random bytes: a key, a token, a seed.
[[nodiscard]] Secret random_secret(Random& random, std::size_t size);

}  // namespace babilu::crypto
