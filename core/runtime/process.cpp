#include "core/runtime/process.h"

#include <fcntl.h>
#include <unistd.h>

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

/// When a terminal is closed, the processes that it was of have none any more.
bool has_terminal() {
  const int terminal = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (terminal >= 0) ::close(terminal);
  return terminal >= 0;
}

/// What SIGHUP means, as things were when the process started.
class Hangup {
 public:
  Hangup() : had_terminal_(has_terminal()) {
    struct sigaction action{};
    ignored_ = ::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
  }
  /// Whether it is a reason to end; else the lifecycle was asked to reload.
  bool ends(Lifecycle& lifecycle) const {
    const bool closed = had_terminal_ && !has_terminal();
    if (closed && !ignored_) return true;
    return !lifecycle.ask_to_reload() && !ignored_;
  }

 private:
  bool had_terminal_;
  bool ignored_;
};

task<> watch_signals(Runtime& runtime, Lifecycle& lifecycle, const Hurry& hurry) {
  const Hangup hangup;
  Signals signals(runtime, {SIGINT, SIGTERM, SIGHUP}, Signals::Ignored::take);
  for (;;) {
    const int number = co_await signals.next();
    if (number == SIGHUP && !hangup.ends(lifecycle)) continue;
    if (lifecycle.phase() < Phase::draining) {
      lifecycle.advance(Phase::draining);
    } else if (number != SIGHUP && !(hurry && hurry())) {
      // A terminal that is closed often says so twice.
      std::_Exit(128 + number);
    }
  }
}

task<> run_with_signals(Runtime& runtime, Lifecycle& lifecycle, const ProcessMain& main,
                        const Hurry& hurry) {
  Scope scope(runtime);
  scope.spawn_essential("signals", watch_signals(runtime, lifecycle, hurry));
  co_await scope.close_after(main(runtime, 0));
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

void run_process(unsigned threads, Lifecycle& lifecycle, const ProcessMain& main,
                 const Hurry& hurry) {
  assert(threads > 0);
  // What these say is also said by the write that failed.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  FirstFailure failure(lifecycle);
  std::vector<std::thread> others;
  for (unsigned index = 1; index < threads; ++index) {
    others.emplace_back([&failure, &main, index] {
      run_loop(failure, [&main, index](Runtime& runtime) { return main(runtime, index); });
    });
  }
  run_loop(failure, [&lifecycle, &main, &hurry](Runtime& runtime) {
    return run_with_signals(runtime, lifecycle, main, hurry);
  });
  for (std::thread& thread : others) thread.join();
  lifecycle.advance(Phase::stopped);
  failure.rethrow();
}

}  // namespace babilu
