#pragma once

#include <memory>

#include <boost/intrusive/list.hpp>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"

namespace babilu {

class Runtime;

/// A condition variable for coroutines of one Runtime. As nothing else runs between a test and the
/// wait that follows it, no wake-up is lost: `while (!ready) co_await condition.wait();`
///
/// A notified coroutine resumes later, from the loop, never inside notify. A cancelled wait throws
/// operation_aborted. The condition must outlive its waits.
class Condition {
 public:
  explicit Condition(Runtime& runtime) noexcept : runtime_(runtime) {}
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;
  ~Condition();

  /// True when notified, false when the deadline passed first.
  task<bool> wait(Deadline deadline = no_deadline);

  void notify_one();
  void notify_all() {
    if (has_waiters()) wake_all();
  }
  bool has_waiters() const noexcept { return !waiters_.empty(); }

 private:
  struct Waiter;
  using Hook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  struct Link : Hook {};

  void wake_all();

  Runtime& runtime_;
  boost::intrusive::list<Link, boost::intrusive::constant_time_size<false>> waiters_;
};

}  // namespace babilu
