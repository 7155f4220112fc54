#pragma once

#include "core/runtime/condition.h"

namespace babilu::bots {

/// Somebody's wish that a run ends early: the first request() ends the load, and what was
/// acknowledged is still checked; the second ends the checks, too, and what they did not get to
/// counts as unchecked. Thread: the Runtime's.
class Stop {
 public:
  explicit Stop(Runtime& runtime) noexcept : changed_(runtime) {}

  void request() {
    ++requests_;
    changed_.notify_all();
  }
  bool load() const noexcept { return requests_ >= 1; }
  bool checks() const noexcept { return requests_ >= 2; }
  /// Returns at the deadline or when one more request came.
  task<> wait(Deadline deadline) { co_await changed_.wait(deadline); }

 private:
  Condition changed_;
  int requests_ = 0;
};

}  // namespace babilu::bots
