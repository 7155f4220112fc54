#include "core/runtime/process.h"

#include <cassert>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/runtime/failure.h"
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
  scope.spawn_essential("signals", watch_signals(runtime, lifecycle));
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

/// What went wrong first on several threads; whatever it was, the process drains.
class FirstFailure {
 public:
  explicit FirstFailure(Lifecycle& lifecycle) : lifecycle_(lifecycle) {}

  void set(std::exception_ptr failure) {
    lifecycle_.fail(describe(failure));
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Lifecycle& lifecycle_;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

/// One Runtime on the calling thread, from its first coroutine to its last.
template <class Main>
void run_loop(FirstFailure& failure, const Main& main) {
  try {
    Runtime runtime;
    runtime.on_essential_failure([&](std::string_view coroutine, std::exception_ptr thrown) {
      failure.set(std::make_exception_ptr(std::runtime_error(
          std::string(coroutine) + " ended by an exception: " + describe(thrown))));
    });
    runtime.run(main(runtime));
  } catch (...) {
    failure.set(std::current_exception());
  }
}

}  // namespace

void run_process(unsigned threads, Lifecycle& lifecycle, const ProcessMain& main) {
  assert(threads > 0);
  std::signal(SIGPIPE, SIG_IGN);
  FirstFailure failure(lifecycle);
  std::vector<std::thread> others;
  for (unsigned index = 1; index < threads; ++index) {
    others.emplace_back([&failure, &main, index] {
      run_loop(failure, [&main, index](Runtime& runtime) { return main(runtime, index); });
    });
  }
  run_loop(failure, [&lifecycle, &main](Runtime& runtime) {
    return run_with_signals(runtime, lifecycle, main);
  });
  for (std::thread& thread : others) thread.join();
  lifecycle.advance(Phase::stopped);
  failure.rethrow();
}

}  // namespace babilu
