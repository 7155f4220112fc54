#pragma once

#include <cstdint>

#include <botan/chacha_rng.h>
#include <boost/endian/conversion.hpp>

#include "core/base/bytes.h"

namespace babilu::sim {

/// A generator that gives the same bytes for the same seed. For simulations only: whoever knows
/// the seed knows every key.
class SeededRandom final : public Botan::RandomNumberGenerator {
 public:
  explicit SeededRandom(std::uint64_t seed) : stream_(seed_bytes(seed)) {}

  bool accepts_input() const override { return false; }
  std::string name() const override { return "seeded"; }
  void clear() override {}
  bool is_seeded() const override { return true; }

 private:
  static Secret seed_bytes(std::uint64_t seed) {
    Secret bytes(32);
    boost::endian::store_little_u64(bytes.data(), seed);
    return bytes;
  }
  void fill_bytes_with_input(std::span<std::uint8_t> out,
                             std::span<const std::uint8_t> /*ignored*/) override {
    stream_.randomize(out);
  }

  Botan::ChaCha_RNG stream_;
};

}  // namespace babilu::sim
