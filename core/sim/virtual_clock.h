#pragma once

#include "core/runtime/clock.h"

namespace babilu::sim {

/// Time that moves only when it is told to.
class VirtualClock final : public Clock {
 public:
  time_point now() const noexcept override { return now_; }
  /// Starts on 2026-01-01T00:00:00Z.
  std::chrono::system_clock::time_point wall() const noexcept override {
    using namespace std::chrono;
    const auto start = system_clock::time_point(sys_days(year(2026) / January / 1));
    return start + duration_cast<system_clock::duration>(now_.time_since_epoch());
  }

  /// Time passes and nothing runs: what was due meanwhile is late.
  void jump(duration time) noexcept { now_ += time; }
  /// Goes to the earliest alarm and runs what is due then. False when there is none.
  bool step() {
    const time_point next = earliest();
    if (next == time_point::max()) return false;
    if (next > now_) now_ = next;
    fire_due(now_);
    return true;
  }

 private:
  time_point now_{};
};

}  // namespace babilu::sim
