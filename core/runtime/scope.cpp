#include "core/runtime/scope.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>

#include "core/runtime/runtime.h"

namespace babilu {

namespace asio = boost::asio;

namespace {

bool is_cancellation(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

}  // namespace

Scope::Scope(Runtime& runtime) : runtime_(runtime), ended_(runtime) {}

Scope::~Scope() {
  // A stopped loop never resumes its coroutines; their frames go with the io_context.
  if (members_.empty() || runtime_.context().stopped()) return;
  if (runtime_.simulated() && std::uncaught_exceptions() > 0) {
    runtime_.context().stop();  // a test has failed: one of many, and no reason to end them all
    return;
  }
  std::fputs("babilu: a Scope was destroyed with coroutines in it\n", stderr);
  std::abort();
}

void Scope::spawn(const char* name, task<> coroutine) {
  if (cancelled_) return;
  members_.emplace_back();
  auto member = std::prev(members_.end());
  asio::co_spawn(runtime_.executor(), std::move(coroutine),
                 asio::bind_cancellation_slot(member->signal.slot(),
                                              [this, member, name](std::exception_ptr thrown) {
                                                if (thrown && !is_cancellation(thrown)) {
                                                  runtime_.report_failure(name, thrown);
                                                }
                                                members_.erase(member);
                                                if (members_.empty()) ended_.notify_all();
                                              }));
}

void Scope::cancel() {
  cancelled_ = true;
  // A handler that runs inside emit can end only its own member, and ends it from the loop.
  for (auto member = members_.begin(); member != members_.end();) {
    auto current = member++;
    current->signal.emit(asio::cancellation_type::terminal);
  }
}

task<> Scope::join() {
  while (!members_.empty()) co_await ended_.wait();
}

}  // namespace babilu
