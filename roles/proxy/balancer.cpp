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

/// How much better the second must be.
constexpr double clearly = 1.5;

/// One of those that are not `except`, by weight.
std::size_t draw(std::span<const Candidate> candidates, std::uint32_t dice, std::size_t except) {
  double all = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    all += i == except ? 0 : candidates[i].weight * candidates[i].share;
  double left = all * (dice * 0x1p-32);
  std::size_t drawn = except == 0 ? 1 : 0;
  for (std::size_t i = drawn; i < candidates.size(); ++i) {
    if (i == except) continue;
    drawn = i;
    left -= candidates[i].weight * candidates[i].share;
    if (left < 0) break;
  }
  return drawn;
}

/// What a request would wait at `here`; where nothing is known yet it counts as much as there.
double wait(const Candidate& here, const Candidate& there) {
  double latency = here.latency_seconds > 0 ? here.latency_seconds : there.latency_seconds;
  if (latency <= 0) latency = 1;
  return latency * (1 + here.in_flight / (here.weight * here.share));
}

}  // namespace

std::optional<std::size_t> choose(std::span<const Candidate> candidates, std::uint32_t route,
                                  std::uint64_t dice) {
  if (candidates.empty()) return std::nullopt;
  if (candidates.size() == 1) return 0;
  if (route != 0) return choose_by_route(candidates, route);

  const std::size_t first = draw(candidates, static_cast<std::uint32_t>(dice), candidates.size());
  const std::size_t second = draw(candidates, static_cast<std::uint32_t>(dice >> 32), first);
  const Candidate& a = candidates[first];
  const Candidate& b = candidates[second];
  return clearly * wait(b, a) < wait(a, b) ? second : first;
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
