#include "core/runtime/system_clock.h"

namespace babilu {

Clock::time_point SystemClock::now() const noexcept {
  const auto since_boot = std::chrono::steady_clock::now().time_since_epoch();
  return time_point(std::chrono::duration_cast<duration>(since_boot));
}

std::chrono::system_clock::time_point SystemClock::wall() const noexcept {
  return std::chrono::system_clock::now();
}

}  // namespace babilu
