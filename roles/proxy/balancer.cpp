#include "roles/proxy/balancer.h"

namespace babilu::proxy {

namespace {

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every input bit reaches every output
/// bit.
std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::size_t choose_by_route(std::span<const Candidate> candidates, std::uint32_t route) {
  std::size_t best = 0;
  std::uint64_t best_weight = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::uint64_t weight = mix(candidates[i].name_hash ^ mix(route));
    if (i == 0 || weight > best_weight) {
      best = i;
      best_weight = weight;
    }
  }
  return best;
}

double expected_wait(const Candidate& candidate) {
  // A backend of which nothing is known yet is taken for a fast one, so that it gets known.
  constexpr double unknown_seconds = 1e-6;
  const double latency =
      candidate.latency_seconds > 0 ? candidate.latency_seconds : unknown_seconds;
  return static_cast<double>(candidate.in_flight + 1) * latency;
}

}  // namespace

std::optional<std::size_t> choose(std::span<const Candidate> candidates, std::uint32_t route,
                                  std::uint64_t dice) {
  const std::size_t count = candidates.size();
  if (count == 0) return std::nullopt;
  if (count == 1) return 0;
  if (route != 0) return choose_by_route(candidates, route);

  const std::size_t first = (dice & 0xffffffff) % count;
  const std::size_t second = (first + 1 + (dice >> 32) % (count - 1)) % count;
  return expected_wait(candidates[second]) < expected_wait(candidates[first]) ? second : first;
}

std::uint64_t hash_name(const char* data, std::size_t size) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (std::size_t i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<std::uint8_t>(data[i])) * 0x100000001b3;
  }
  return mix(hash);
}

}  // namespace babilu::proxy
