#include "roles/proxy/health.h"

#include <algorithm>

namespace babilu::proxy {

void Health::on_link_up(Clock::time_point now) noexcept {
  starts_ = now;
  failures_ = 0;
  slow_ = 0;
}

void Health::on_review(double times_as_slow, Clock::duration mean) noexcept {
  const bool slow = times_as_slow >= options_.slow_factor && mean >= options_.slow_floor;
  slow_ = slow ? slow_ + 1 : 0;
}

void Health::eject(Clock::time_point now) noexcept {
  // Well-behaved for ten times as long as it was out: the past is forgotten.
  const bool forgiven =
      last_ejection_ == Clock::duration{} || now - ejected_until_ > 10 * last_ejection_;
  last_ejection_ =
      forgiven ? options_.ejection : std::min(2 * last_ejection_, options_.longest_ejection);
  ejected_until_ = now + last_ejection_;
  starts_ = ejected_until_;
  failures_ = 0;
  slow_ = 0;
}

double Health::share(Clock::time_point now) const noexcept {
  constexpr double least = 0.1;
  if (options_.slow_start <= Clock::duration{} || now >= starts_ + options_.slow_start) return 1;
  const double part = std::chrono::duration<double>(now - starts_) / options_.slow_start;
  return std::clamp(part, least, 1.0);
}

}  // namespace babilu::proxy
