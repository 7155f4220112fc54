#include "core/runtime/system_clock.h"

namespace babilu {

SystemClock::SystemClock(boost::asio::io_context& context) : timer_(context.get_executor()) {}

Clock::time_point SystemClock::now() const noexcept {
  return time_point(
      std::chrono::duration_cast<duration>(Steady::now().time_since_epoch()));
}

std::chrono::system_clock::time_point SystemClock::wall() const noexcept {
  return std::chrono::system_clock::now();
}

void SystemClock::earliest_changed() {
  if (earliest() < armed_) arm();
}

void SystemClock::arm() {
  armed_ = earliest();
  if (armed_ == time_point::max()) return;
  timer_.expires_at(
      Steady::time_point(std::chrono::duration_cast<Steady::duration>(armed_.time_since_epoch())));
  timer_.async_wait([this](error_code aborted) {
    if (aborted) return;  // armed again, sooner
    armed_ = time_point::max();
    fire_due(now());
    if (earliest() < armed_) arm();
  });
}

}  // namespace babilu
