#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace babilu::proxy {

/// What the choice of a backend depends on.
struct Candidate {
  std::uint64_t name_hash = 0;   ///< stable across restarts and proxies: for affinity
  std::size_t in_flight = 0;     ///< requests sent and unanswered
  double latency_seconds = 0;    ///< smoothed; 0 while nothing is known
};

/// Chooses among backends, without I/O.
///
/// With a route the choice depends on route and names alone (rendezvous hashing, Thaler and
/// Ravishankar 1998), so the loss of a backend moves only its own routes. Otherwise it takes the
/// better of two random ones (Mitzenmacher 2001) by expected wait: unanswered requests times
/// latency. `dice` is 64 random bits. Nothing when there are no candidates.
std::optional<std::size_t> choose(std::span<const Candidate> candidates, std::uint32_t route,
                                  std::uint64_t dice);

/// A stable 64-bit hash of a backend's name.
std::uint64_t hash_name(const char* data, std::size_t size) noexcept;

}  // namespace babilu::proxy
