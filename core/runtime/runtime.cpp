#include "core/runtime/runtime.h"

#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/crypto/random.h"
#include "core/runtime/condition.h"
#include "core/runtime/system_clock.h"

namespace babilu {

namespace asio = boost::asio;

namespace {

constexpr std::size_t scratch_bytes = 64 * 1024;

std::unique_ptr<Clock> make_system_clock(asio::io_context& context) {
  return std::make_unique<SystemClock>(context);
}

void write_failure(std::string_view coroutine, const char* what) {
  std::fprintf(stderr, "babilu: an exception left coroutine %.*s: %s\n",
               static_cast<int>(coroutine.size()), coroutine.data(), what);
}

}  // namespace

Runtime::Runtime()
    : Runtime(Parts{.make_clock = make_system_clock, .random = &crypto::system_random()}) {}

Runtime::Runtime(Parts parts)
    : context_(BOOST_ASIO_CONCURRENCY_HINT_1),
      clock_(parts.make_clock(context_)),
      random_(*parts.random),
      simulated_(parts.simulated),
      scratch_(scratch_bytes) {}

Runtime::~Runtime() = default;

void Runtime::post(std::function<void()> work) { asio::post(context_, std::move(work)); }

task<> Runtime::yield() { co_await asio::post(executor(), asio::use_awaitable_t<Executor>{}); }

task<> Runtime::sleep_until(Deadline when) {
  Condition never_notified(*this);
  co_await never_notified.wait(when);
}

void Runtime::run(task<> main) {
  std::exception_ptr failure;
  asio::co_spawn(context_, std::move(main), [&](std::exception_ptr thrown) {
    failure = thrown;
    context_.stop();
  });
  context_.restart();
  context_.run();
  if (failure) std::rethrow_exception(failure);
}

void Deferred::schedule() {
  if (!is_linked()) runtime_.defer(*this);
}

void Runtime::defer(Deferred& deferred) {
  const bool first = deferred_.empty();
  deferred_.push_back(deferred);
  if (first) asio::post(context_, [this] { run_deferred(); });
}

void Runtime::run_deferred() {
  decltype(deferred_) due;
  due.swap(deferred_);
  while (!due.empty()) {
    Deferred& next = due.front();
    due.pop_front();
    next.callback_(next.context_);
  }
}

void Runtime::report_failure(std::string_view coroutine, std::exception_ptr failure) noexcept {
  if (on_failure_) return on_failure_(coroutine, failure);
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    write_failure(coroutine, error.what());
  } catch (...) {
    write_failure(coroutine, "unknown");
  }
}

}  // namespace babilu
