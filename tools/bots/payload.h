#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace babilu::bots {

/// A small, fast generator for choices and payloads, which are no secrets: SplitMix64
/// (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
class QuickRandom {
 public:
  using result_type = std::uint64_t;
  explicit QuickRandom(std::uint64_t seed) noexcept : state_(seed) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  result_type operator()() noexcept {
    std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
  }
  /// In [0, bound); the bias is below 2⁻³² for the bounds in use.
  std::uint64_t below(std::uint64_t bound) noexcept { return (*this)() % bound; }

 private:
  std::uint64_t state_;
};

/// The bytes that belong to a seed, so that who must compare them later keeps eight.
inline std::string make_payload(std::uint64_t seed, std::size_t size) {
  QuickRandom random(seed);
  std::string payload(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    std::uint64_t word = random();
    for (std::size_t j = i; j < size && j < i + 8; ++j, word >>= 8) {
      payload[j] = static_cast<char>(word);
    }
  }
  return payload;
}

}  // namespace babilu::bots
