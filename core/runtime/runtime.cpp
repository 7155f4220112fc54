#include "core/runtime/runtime.h"

#include <cassert>
#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/crypto/random.h"
#include "core/runtime/failure.h"
#include "core/runtime/poller.h"
#include "core/runtime/system_clock.h"

namespace babilu {

namespace asio = boost::asio;

namespace {

constexpr std::size_t scratch_bytes = 64 * 1024;

}  // namespace

Runtime::Runtime()
    : Runtime(Parts{.clock = std::make_unique<SystemClock>(), .random = &crypto::system_random()}) {
}

Runtime::Runtime(Parts parts)
    : clock_(std::move(parts.clock)),
      poller_(parts.simulated ? nullptr : std::make_unique<Poller>()),
      context_(BOOST_ASIO_CONCURRENCY_HINT_1),
      turn_began_(clock_->now()),
      random_(*parts.random),
      simulated_(parts.simulated),
      scratch_(scratch_bytes) {}

Runtime::~Runtime() = default;

void Runtime::post(std::function<void()> work) {
  // An exception that left the loop would end the process, after whoever posted has been told that
  // all is well.
  asio::post(context_, [this, work = std::move(work)] {
    try {
      work();
    } catch (...) {
      report_failure("of a posted function", std::current_exception());
    }
  });
  if (poller_) poller_->wake();
}

task<> Runtime::yield() {
  Condition resumed(*this);
  Deferred later(*this, [](void* self) { static_cast<Condition*>(self)->notify_all(); }, &resumed);
  later.schedule_next_turn();
  co_await resumed.wait();
}

task<> Runtime::sleep_until(Deadline when) {
  Condition never_notified(*this);
  co_await never_notified.wait(when);
}

void Runtime::run(task<> main) {
  assert(!simulated_);  // a World runs a simulation
  std::exception_ptr failure;
  bool ended = false;
  const auto stay = asio::make_work_guard(context_);
  context_.restart();
  asio::co_spawn(context_, std::move(main), [&](std::exception_ptr thrown) {
    failure = thrown;
    ended = true;
    context_.stop();
  });
  while (!ended) turn();
  if (failure) std::rethrow_exception(failure);
}

void Runtime::turn() {
  context_.poll();
  if (context_.stopped()) return;
  Deadline until = deferred_to_next_turn_.empty() ? clock_->earliest() : Deadline{};
  poller_->announce_wait();
  // What another thread posted before it could see that we wait.
  if (context_.poll() > 0) until = Deadline{};
  if (context_.stopped()) return;
  poller_->wait(clock_->now(), until);
  // From within the context, so that whatever begins or ends there may do so at once.
  asio::post(context_, [this] { begin_turn(); });
}

void Runtime::begin_turn() {
  turn_began_ = clock_->now();
  while (!deferred_to_next_turn_.empty()) {
    Deferred& due = deferred_to_next_turn_.front();
    due.unlink();
    defer(due);
  }
  // Before the alarms: what is there has come in time, also where this process is late.
  poller_->dispatch();
  clock_->fire_due(turn_began_);
}

void Deferred::defer() {
  runtime_.defer(*this);
}

void Deferred::schedule_next_turn() {
  if (is_linked()) return;
  if (runtime_.simulated()) return runtime_.defer(*this);
  runtime_.deferred_to_next_turn_.push_back(*this);
}

void Runtime::defer(Deferred& deferred) {
  const bool first = deferred_.empty();
  deferred_.push_back(deferred);
  if (first) asio::post(context_, [this] { run_deferred(); });
}

void Runtime::run_deferred() {
  DeferredList due;
  due.swap(deferred_);
  while (!due.empty()) {
    Deferred& next = due.front();
    due.pop_front();
    next.callback_(next.context_);
  }
}

void Runtime::report_failure(std::string_view coroutine, std::exception_ptr failure) noexcept {
  if (on_failure_) return on_failure_(coroutine, failure);
  std::fprintf(stderr, "babilu: an exception left coroutine %.*s: %s\n",
               static_cast<int>(coroutine.size()), coroutine.data(), describe(failure).c_str());
}

void Runtime::report_essential_failure(std::string_view coroutine,
                                       std::exception_ptr failure) noexcept {
  report_failure(coroutine, failure);
  if (on_essential_failure_) on_essential_failure_(coroutine, failure);
}

}  // namespace babilu
