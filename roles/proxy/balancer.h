#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace babilu::proxy {

/// What the choice of a backend depends on.
struct Candidate {
  std::uint64_t name_hash = 0;  ///< stable across restarts and proxies: for affinity
  double latency_seconds = 0;   ///< of the method that is called; 0: not known yet
  double in_flight = 0;
  double weight = 1;  ///< beside the others
  double share = 1;   ///< of its weight, while it starts
};

/// Chooses among backends, without I/O.
///
/// With a route the choice depends on route, names and weights alone (weighted rendezvous hashing,
/// Thaler and Ravishankar 1998; Schindelhauer and Schomaker 2005), so the loss of a backend moves
/// only its own routes. Otherwise it draws two by weight, and takes the second where that is
/// clearly better by latency and load (the better of two random ones; Mitzenmacher 2001). Small
/// differences are chance: if they decided, one of two backends would get all of a light load.
/// `dice` is 64 random bits. Nothing when there are no candidates.
std::optional<std::size_t> choose(std::span<const Candidate> candidates, std::uint32_t route,
                                  std::uint64_t dice);

/// A stable 64-bit hash of a backend's name.
std::uint64_t hash_name(const char* data, std::size_t size) noexcept;

/// Random enough for a choice of two, at two nanoseconds (SplitMix64; Steele, Lea and Flood 2014).
/// Not for secrets.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t roll() noexcept;

 private:
  std::uint64_t state_;
};

}  // namespace babilu::proxy
