#pragma once

#include <exception>
#include <list>
#include <source_location>

#include <boost/asio/cancellation_signal.hpp>

#include "core/runtime/condition.h"
#include "core/runtime/task.h"

namespace babilu {

class Runtime;

/// Owns coroutines: whoever spawns has somewhere to cancel and join them. Nothing is detached.
///
/// The destructor asserts that it is empty: `co_await scope.close();` comes first.
/// It names the place where the scope was made and the coroutines that are left, and aborts. Only a
/// simulation that has failed is abandoned instead: one that an exception passes through, or that
/// has given up. Thread: the Runtime's.
class Scope {
 public:
  explicit Scope(Runtime& runtime, std::source_location made_at = std::source_location::current());
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();

  /// Starts a coroutine: called from the loop, it runs at once up to its first wait. `name` must be
  /// a literal; it names the coroutine when an exception leaves it. In a cancelled scope the
  /// coroutine is dropped unstarted.
  void spawn(const char* name, task<> coroutine) { start(name, std::move(coroutine), false); }

  /// The same for what the process cannot do without, such as an acceptor: an exception that leaves
  /// it is a failure of the whole process (see Runtime::on_essential_failure). It may end without.
  void spawn_essential(const char* name, task<> coroutine) {
    start(name, std::move(coroutine), true);
  }

  /// Asks every coroutine to end: its current wait, or its next one, throws operation_aborted.
  /// Without having been asked, an operation_aborted that leaves a coroutine is a failure like any
  /// other.
  void cancel();

  /// Returns when every coroutine has ended.
  task<> join();

  /// Cancels, then joins.
  task<> close();

  /// Awaits `main`, then closes, however `main` ended; what it threw leaves this afterwards. Also a
  /// cancelled coroutine waits for those of its scope.
  task<> close_after(task<> main);

  bool cancelled() const noexcept { return cancelled_; }
  std::size_t size() const noexcept { return members_.size(); }

 private:
  struct Member {
    const char* name;
    bool essential;
    boost::asio::cancellation_signal signal;
  };
  using Members = std::list<Member>;

  void start(const char* name, task<> coroutine, bool essential);
  void end(Members::iterator member, const std::exception_ptr& thrown);
  [[noreturn]] void die() const;
  /// What abandoned runtimes left, never destroyed.
  static std::list<Members>& lost();

  Runtime& runtime_;
  const std::source_location made_at_;
  Members members_;
  Condition ended_;
  bool cancelled_ = false;
};

}  // namespace babilu
