#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "core/base/bytes.h"
#include "core/runtime/clock.h"
#include "core/runtime/condition.h"
#include "core/runtime/deferred.h"
#include "core/runtime/task.h"

namespace Botan {
class RandomNumberGenerator;
}

namespace babilu {

class Poller;

using Random = Botan::RandomNumberGenerator;

/// One core's event loop and what belongs to it: time, randomness, a scratch buffer.
///
/// Everything that happens on a connection happens on one Runtime, in one thread, so nothing here
/// is locked. post() is the one function that other threads may call.
///
/// Coroutines, executors and cancellation are Asio's; what is ready outside is told by the Poller,
/// since a wait through Asio's own reactor costs a system call each time. So no Asio socket, timer
/// or signal set may be used on this context: Descriptor, Clock and Signals take their place.
class Runtime {
 public:
  /// What a simulation replaces. `simulated` also makes offloaded work run inline, and leaves out
  /// the Poller: nothing in a simulation comes from outside.
  struct Parts {
    std::unique_ptr<Clock> clock;
    Random* random = nullptr;
    bool simulated = false;
  };

  /// On the system's clocks and generator.
  Runtime();
  /// Used by core/sim.
  explicit Runtime(Parts parts);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  boost::asio::io_context& context() noexcept { return context_; }
  Executor executor() noexcept { return context_.get_executor(); }
  Clock& clock() noexcept { return *clock_; }
  Clock::time_point now() const noexcept { return clock_->now(); }
  /// When the loop last looked for what is ready: cheap, and exact enough to measure by. What
  /// happens in one turn of the loop happens at one time.
  Clock::time_point turn_began() const noexcept { return simulated_ ? now() : turn_began_; }
  /// Not in a simulation.
  Poller& poller() noexcept { return *poller_; }
  Random& random() noexcept { return random_; }
  bool simulated() const noexcept { return simulated_; }

  /// Bytes that anyone may read into, valid until the next co_await: an idle connection needs no
  /// buffer of its own. 64 KiB.
  MutableByteView scratch() noexcept { return scratch_; }

  /// Runs `work` later, on this Runtime's thread; on_failure() is told what it throws. Any thread.
  void post(std::function<void()> work);

  /// Lets everything else that is ready run first, also what became ready on a connection.
  task<> yield();
  /// Suspends for a time; ends early, by an exception, only when the coroutine is cancelled.
  task<> sleep_until(Deadline when);
  task<> sleep_for(Clock::duration time) { return sleep_until(now() + time); }

  /// Runs the loop until `main` has ended. An exception that leaves `main` leaves run.
  void run(task<> main);

  /// Called when an exception leaves a coroutine of a Scope: a bug, told loudly, that ends this
  /// coroutine only. The default writes to stderr.
  using FailureHandler = std::function<void(std::string_view coroutine, std::exception_ptr)>;
  void on_failure(FailureHandler handler) { on_failure_ = std::move(handler); }
  void report_failure(std::string_view coroutine, std::exception_ptr failure) noexcept;

  /// Called besides when the coroutine was an essential one: the process looks as if it worked, and
  /// does not. run_process() makes it drain and fail; by default nothing more happens.
  void on_essential_failure(FailureHandler handler) { on_essential_failure_ = std::move(handler); }
  void report_essential_failure(std::string_view coroutine, std::exception_ptr failure) noexcept;

  /// Nothing will run on it again though coroutines still wait: a simulation has failed, and says
  /// so by an exception. Their frames are lost.
  void abandon() {
    abandoned_ = true;
    context_.stop();
  }
  bool abandoned() const noexcept { return abandoned_; }

 private:
  friend class Deferred;
  using DeferredList =
      boost::intrusive::list<Deferred, boost::intrusive::constant_time_size<false>>;
  void defer(Deferred& deferred);
  void run_deferred();
  void turn();
  void begin_turn();

  // What coroutines still use when their frames go with the context.
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Poller> poller_;
  DeferredList deferred_;
  DeferredList deferred_to_next_turn_;
  boost::asio::io_context context_;
  Clock::time_point turn_began_{};
  Random& random_;
  bool simulated_;
  bool abandoned_ = false;
  Bytes scratch_;
  FailureHandler on_failure_;
  FailureHandler on_essential_failure_;
};

}  // namespace babilu
