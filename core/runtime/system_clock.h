#pragma once

#include "core/runtime/clock.h"

namespace babilu {

/// The production clock: the system's steady and wall clocks.
class SystemClock final : public Clock {
 public:
  time_point now() const noexcept override;
  std::chrono::system_clock::time_point wall() const noexcept override;
};

}  // namespace babilu
