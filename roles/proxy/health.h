#pragma once

#include <cstdint>

#include "core/runtime/clock.h"

namespace babilu::proxy {

struct HealthOptions {
  unsigned failures = 5;   ///< replies in a row that are the backend's fault
  double slow_factor = 5;  ///< times as slow as the others …
  Clock::duration slow_floor = std::chrono::milliseconds(10);  ///< … and at least this slow
  unsigned slow_reviews = 3;  ///< … in so many reviews, one after another
  Clock::duration review = std::chrono::seconds(1);
  Clock::duration ejection = std::chrono::seconds(2);  ///< the first time; doubles up to
  Clock::duration longest_ejection = std::chrono::seconds(60);
  Clock::duration slow_start =
      std::chrono::seconds(5);  ///< until a new backend gets its full share
};

/// What one link's replies say about its backend, without I/O. It only asks for an ejection: the
/// Pool knows whether the others can do without it. Thread: one.
class Health {
 public:
  explicit Health(HealthOptions options) : options_(options) {}

  /// The link is new: its backend may be cold.
  void on_link_up(Clock::time_point now) noexcept;
  /// A reply; `fault` when its status is the backend's own failure.
  void on_reply(bool fault) noexcept { failures_ = fault ? failures_ + 1 : 0; }
  /// Once in each review: how many times as slow as the others it was, 0 when that cannot be told.
  void on_review(double times_as_slow, Clock::duration mean) noexcept;

  bool asks_for_ejection() const noexcept {
    return failures_ >= options_.failures || slow_ >= options_.slow_reviews;
  }
  /// Gives no work to it for a time, twice as long as the last one if that was not long ago.
  void eject(Clock::time_point now) noexcept;
  bool ejected(Clock::time_point now) const noexcept { return now < ejected_until_; }

  /// Its share of work: from a tenth up to all of it while it starts, 1 later.
  double share(Clock::time_point now) const noexcept;

 private:
  HealthOptions options_;
  unsigned failures_ = 0;
  unsigned slow_ = 0;
  Clock::time_point starts_{};
  Clock::time_point ejected_until_{};
  Clock::duration last_ejection_{};
};

}  // namespace babilu::proxy
