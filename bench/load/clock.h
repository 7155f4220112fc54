#pragma once

#include <cstdint>
#include <ctime>

namespace babilu::load {

using Nanoseconds = std::uint64_t;

inline Nanoseconds read_clock(clockid_t clock) noexcept {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * 1'000'000'000 +
         static_cast<Nanoseconds>(time.tv_nsec);
}

inline Nanoseconds now() noexcept {
  return read_clock(CLOCK_MONOTONIC);
}

constexpr Nanoseconds from_seconds(double seconds) noexcept {
  return static_cast<Nanoseconds>(seconds * 1e9);
}

}  // namespace babilu::load
