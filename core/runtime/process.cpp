#include "core/runtime/process.h"

#include <csignal>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/runtime/signals.h"

namespace babilu {

namespace {

task<> watch_signals(Runtime& runtime, Lifecycle& lifecycle) {
  Signals signals(runtime, {SIGINT, SIGTERM, SIGHUP});
  for (;;) {
    const int number = co_await signals.next();
    if (number == SIGHUP) {
      lifecycle.ask_to_reload();
      continue;
    }
    if (lifecycle.phase() >= Phase::draining) std::_Exit(128 + number);
    lifecycle.advance(Phase::draining);
  }
}

task<> run_with_signals(Runtime& runtime, Lifecycle& lifecycle, const ProcessMain& main) {
  Scope scope(runtime);
  scope.spawn("signals", watch_signals(runtime, lifecycle));
  std::exception_ptr failure;
  try {
    co_await main(runtime, 0);
  } catch (...) {
    failure = std::current_exception();
  }
  scope.cancel();
  co_await scope.join();
  if (failure) std::rethrow_exception(failure);
}

/// The first exception of several threads.
class FirstFailure {
 public:
  void set(std::exception_ptr failure) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = failure;
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

void run_process(unsigned threads, Lifecycle& lifecycle, const ProcessMain& main) {
  std::signal(SIGPIPE, SIG_IGN);
  FirstFailure failure;
  const auto guarded = [&](auto&& work) {
    try {
      work();
    } catch (...) {
      failure.set(std::current_exception());
      lifecycle.advance(Phase::draining);
    }
  };
  std::vector<std::thread> others;
  for (unsigned index = 1; index < threads; ++index) {
    others.emplace_back([&, index] {
      guarded([&] {
        Runtime runtime;
        runtime.run(main(runtime, index));
      });
    });
  }
  guarded([&] {
    Runtime runtime;
    runtime.run(run_with_signals(runtime, lifecycle, main));
  });
  for (std::thread& thread : others) thread.join();
  lifecycle.advance(Phase::stopped);
  failure.rethrow();
}

}  // namespace babilu
