#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "core/base/bytes.h"

namespace babilu::crypto {

// Digests and what is built on them. One call each, on any thread; the objects behind them are kept
// for the thread, so that a call neither looks an algorithm up nor, but for hkdf's result,
// allocates.

using Digest256 = std::array<std::uint8_t, 32>;
using Digest512 = std::array<std::uint8_t, 64>;

/// FIPS 180-4.
Digest256 sha256(ByteView message);
Digest512 sha512(ByteView message);

/// RFC 2104. The parts are hashed one after the other with nothing between, so {"ab", "c"} and
/// {"a", "bc"} are the same: the caller makes them unambiguous (fixed sizes, or a length before
/// each). Compare results with crypto::equal. Keys of more than 4096 bytes are refused
/// (std::invalid_argument): nothing here has one, so it is a mistake.
Digest256 hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

/// RFC 5869, extract and expand: `size` bytes (at most 8160, else std::invalid_argument) for the
/// purpose `info` from a secret that need not be uniform. An empty salt is 32 zero bytes, as the
/// RFC says.
Secret hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::size_t size);

}  // namespace babilu::crypto
