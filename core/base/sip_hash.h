#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/base/bytes.h"

namespace babilu {

/// 128 random bits that nobody outside knows.
struct SipKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

namespace detail {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void mix(int rounds) noexcept {
    for (; rounds > 0; --rounds) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  void take(std::uint64_t word) noexcept {
    v3 ^= word;
    mix(2);
    v0 ^= word;
  }
};

}  // namespace detail

/// SipHash-2-4 (Aumasson and Bernstein, Indocrypt 2012): for tables whose keys strangers choose.
/// Without the key nobody can find values that share a place, and make each look-up walk a list of
/// them. Cost: about 20 ns for an address.
inline std::uint64_t sip_hash(const SipKey& key, ByteView bytes) noexcept {
  static_assert(std::endian::native == std::endian::little);
  detail::SipState state{key.low ^ 0x736f6d6570736575, key.high ^ 0x646f72616e646f6d,
                         key.low ^ 0x6c7967656e657261, key.high ^ 0x7465646279746573};
  std::uint64_t last = std::uint64_t{bytes.size()} << 56;
  for (; bytes.size() >= sizeof last; bytes = bytes.subspan(sizeof last)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    state.take(word);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) last |= std::uint64_t{bytes[i]} << (8 * i);
  state.take(last);
  state.v2 ^= 0xff;
  state.mix(4);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace babilu
