#pragma once

#include <span>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include "core/runtime/runtime.h"

namespace babilu::store {

/// A coroutine that waits on its Runtime for work of another thread. Keeps the Runtime's loop
/// alive.
class Resumption {
 public:
  using Handler = boost::asio::any_completion_handler<void()>;

  explicit Resumption(Runtime& runtime) : runtime_(runtime), guard_(runtime.executor()) {}

  void set(Handler handler) { handler_ = std::move(handler); }
  Runtime& runtime() const noexcept { return runtime_; }
  /// On the Runtime's thread. *this is gone afterwards.
  void resume();

 private:
  Runtime& runtime_;
  boost::asio::executor_work_guard<Executor> guard_;
  Handler handler_;
};

/// Lets coroutines go on, each on its own Runtime, in order: one message for each Runtime, not for
/// each coroutine. Any thread.
void resume_all(std::span<Resumption* const> resumptions);

}  // namespace babilu::store
