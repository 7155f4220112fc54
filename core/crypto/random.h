#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"

namespace Botan {
class RandomNumberGenerator;
}

namespace babilu::crypto {

/// Where keys, nonces and tokens come from. Passed as a reference wherever randomness is needed, so
/// that a simulation can put its own, seeded generator in place; that one exists in core/sim alone.
using Random = Botan::RandomNumberGenerator;

/// The kernel's generator, drawn a kilobyte at a time; one for each thread.
///
/// Thread: valid on the calling thread and as long as it runs; do not carry the reference to
/// another. Cost: 32 bytes take about 100 ns on average; one draw in thirty-two makes a system
/// call. Fork: the pool lies in a page that the kernel empties in a child, so parent and child
/// never share bytes. Where the kernel has no such page, every draw is a system call. Bytes are
/// wiped as they are handed out. A virtual machine that is resumed twice from one snapshot repeats
/// at most what was left in the pool. Throws Botan::System_Error if the kernel gives no randomness;
/// nobody can go on from there.
Random& system_random();

/// Fills `out` from `random`.
void fill_random(Random& random, MutableByteView out);

/// `size` random bytes that are no secret: nonces, identifiers.
template <std::size_t size>
std::array<std::uint8_t, size> random_array(Random& random) {
  std::array<std::uint8_t, size> out;
  fill_random(random, out);
  return out;
}

}  // namespace babilu::crypto
