#include "roles/proxy/balancer.h"

#include <cmath>

namespace babilu::proxy {

namespace {

/// The finaliser of SplitMix64: every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::size_t choose_by_route(std::span<const Candidate> candidates, std::uint32_t route) {
  std::size_t best = 0;
  double best_score = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::uint64_t hash = mix(candidates[i].name_hash ^ mix(route));
    // Between 0 and 1, neither included.
    const double uniform = (static_cast<double>(hash >> 11) + 0.5) * 0x1p-53;
    const double score = candidates[i].weight / -std::log(uniform);
    if (i == 0 || score > best_score) {
      best = i;
      best_score = score;
    }
  }
  return best;
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
  const auto cost = [&](std::size_t i) {
    return candidates[i].wait_seconds / candidates[i].weight;
  };
  return cost(second) < cost(first) ? second : first;
}

std::uint64_t hash_name(const char* data, std::size_t size) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (std::size_t i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<std::uint8_t>(data[i])) * 0x100000001b3;
  }
  return mix(hash);
}

std::uint64_t Dice::roll() noexcept {
  state_ += 0x9e3779b97f4a7c15;
  return mix(state_);
}

}  // namespace babilu::proxy
