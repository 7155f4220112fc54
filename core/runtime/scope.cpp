#include "core/runtime/scope.h"

#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "core/runtime/failure.h"
#include "core/runtime/runtime.h"

namespace babilu {

namespace asio = boost::asio;

Scope::Scope(Runtime& runtime, std::source_location made_at)
    : runtime_(runtime), made_at_(made_at), ended_(runtime) {}

Scope::~Scope() {
  if (members_.empty()) return;
  // A test has failed: one of many, and no reason to end them all.
  if (runtime_.simulated() && std::uncaught_exceptions() > 0) runtime_.abandon();
  if (!runtime_.abandoned()) die();
  lost().push_back(std::move(members_));
}

// The frames that are lost look at their signals once more, perhaps at the end of the program.
std::list<Scope::Members>& Scope::lost() {
  static auto& kept = *new std::list<Members>;
  return kept;
}

void Scope::die() const {
  std::fprintf(stderr, "babilu: the Scope made at %s:%u in %s was destroyed with coroutines in it:",
               made_at_.file_name(), static_cast<unsigned>(made_at_.line()),
               made_at_.function_name());
  for (const Member& member : members_) std::fprintf(stderr, " '%s'", member.name);
  std::fputc('\n', stderr);
  std::abort();
}

void Scope::start(const char* name, task<> coroutine, bool essential) {
  assert(name != nullptr);
  if (cancelled_) return;
  members_.emplace_back(name, essential);
  auto member = std::prev(members_.end());
  asio::co_spawn(runtime_.executor(), std::move(coroutine),
                 asio::bind_cancellation_slot(
                     member->signal.slot(),
                     [this, member](std::exception_ptr thrown) { end(member, thrown); }));
}

void Scope::end(Members::iterator member, const std::exception_ptr& thrown) {
  if (thrown && !(cancelled_ && is_cancellation(thrown))) {
    if (member->essential) {
      runtime_.report_essential_failure(member->name, thrown);
    } else {
      runtime_.report_failure(member->name, thrown);
    }
  }
  members_.erase(member);
  if (members_.empty()) ended_.notify_all();
}

void Scope::cancel() {
  cancelled_ = true;
  // A handler that runs inside emit can end only its own member, and ends it from the loop.
  for (auto member = members_.begin(); member != members_.end();) {
    auto current = member++;
    current->signal.emit(asio::cancellation_type::terminal);
  }
}

// To leave earlier would destroy the scope under those that are still in it: work that has begun on
// a thread, or whoever was cancelled before and takes its time.
task<> Scope::join() {
  std::exception_ptr cancellation;
  while (!members_.empty()) {
    try {
      co_await ended_.wait();
    } catch (...) {
      cancellation = std::current_exception();
    }
    if (!cancellation || members_.empty()) continue;
    cancel();
    co_await asio::this_coro::reset_cancellation_state();
  }
  if (cancellation) std::rethrow_exception(cancellation);
}

task<> Scope::close() {
  cancel();
  co_await join();
}

task<> Scope::close_after(task<> main) {
  std::exception_ptr thrown;
  try {
    co_await std::move(main);
  } catch (...) {
    thrown = std::current_exception();
  }
  cancel();
  co_await asio::this_coro::reset_cancellation_state();
  co_await join();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace babilu
