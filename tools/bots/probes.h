#pragma once

#include <cmath>
#include <cstdint>

namespace babilu::bots {

/// What is done on purpose to a mutating request, to see that it has its effect once.
enum class Probe {
  none,
  again,      ///< once it is answered it is sent again, with its key: the same answer must come
  at_once,    ///< it is sent over another connection at the same time, with the same key
  other_key,  ///< once it is answered the same is asked under another key: it must be refused
};

/// Chooses which requests are probed, and how: the first three of a run, so that even a short one
/// sees each kind, then an even share.
class ProbeSchedule {
 public:
  explicit ProbeSchedule(double share)
      : period_(share <= 0 ? 0 : static_cast<std::uint64_t>(std::llround(1 / share))) {}

  Probe next() noexcept {
    if (period_ == 0) return Probe::none;
    ++seen_;
    if (seen_ > 3 && seen_ % period_ != 0) return Probe::none;
    constexpr Probe kinds[] = {Probe::again, Probe::at_once, Probe::other_key};
    return kinds[probes_++ % 3];
  }

 private:
  std::uint64_t period_;
  std::uint64_t seen_ = 0;
  std::uint64_t probes_ = 0;
};

}  // namespace babilu::bots
