#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/runtime/clock.h"

namespace babilu::proxy {

/// How long one backend takes, for each method apart: what a sign-up takes says nothing of an echo.
/// Methods share a place when there are many; then they are taken for one.
///
/// The figure is a peak-sensitive moving average (as in Finagle and Linkerd): it jumps up with the
/// slowest reply at once, and comes down over two seconds. Thread: one.
class Latencies {
 public:
  void record(std::uint16_t method, Clock::duration latency, Clock::time_point now) noexcept {
    Place& place = places_[place_of(method) % size];
    const double sample = std::chrono::duration<double>(latency).count();
    ++place.window.count;
    place.window.sum += sample;
    if (sample > place.average || now != place.updated) place.update(sample, now);
  }
  /// 0 while nothing is known. What is known fades without replies, so that whoever was slow is
  /// tried again.
  double seconds(std::uint16_t method, Clock::time_point now) const noexcept;
  void forget() noexcept { places_ = {}; }

  static constexpr std::size_t size = 64;
  /// The plain mean of what was recorded since begin_window(), for comparison with others.
  struct Window {
    std::uint32_t count = 0;
    double sum = 0;
    double mean() const noexcept { return count == 0 ? 0 : sum / count; }
  };
  const Window& window(std::size_t place) const noexcept { return places_[place].window; }
  void begin_window() noexcept;

 private:
  struct Place {
    double average = 0;
    Clock::time_point updated{};
    Window window;

    void update(double sample, Clock::time_point now) noexcept;
  };
  static std::size_t place_of(std::uint16_t method) noexcept {
    return (std::size_t{method} >> 8) * 8 + (method & 0xff);
  }

  std::array<Place, size> places_{};
};

}  // namespace babilu::proxy
