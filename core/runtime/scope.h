#pragma once

#include <list>

#include <boost/asio/cancellation_signal.hpp>

#include "core/runtime/condition.h"
#include "core/runtime/task.h"

namespace babilu {

class Runtime;

/// Owns coroutines: whoever spawns has somewhere to cancel and join them. Nothing is detached.
///
/// The destructor asserts that it is empty: `scope.cancel(); co_await scope.join();` comes first.
/// In a simulation, an exception that passes through one that is not stops the loop. Thread: the
/// Runtime's.
class Scope {
 public:
  explicit Scope(Runtime& runtime);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();

  /// Starts a coroutine: called from the loop, it runs at once up to its first wait. `name` must be
  /// a literal; it names the coroutine when an exception leaves it. In a cancelled scope the
  /// coroutine is dropped unstarted.
  void spawn(const char* name, task<> coroutine);

  /// Asks every coroutine to end: its current wait, or its next one, throws operation_aborted.
  void cancel();

  /// Returns when every coroutine has ended.
  task<> join();

  bool cancelled() const noexcept { return cancelled_; }
  std::size_t size() const noexcept { return members_.size(); }

 private:
  struct Member {
    boost::asio::cancellation_signal signal;
  };

  Runtime& runtime_;
  std::list<Member> members_;
  Condition ended_;
  bool cancelled_ = false;
};

}  // namespace babilu
