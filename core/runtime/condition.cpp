#include "core/runtime/condition.h"

#include <cassert>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/runtime/runtime.h"

namespace babilu {

namespace asio = boost::asio;

/// Lives in the frame of wait(), which stays suspended until the handler has been invoked.
struct Condition::Waiter : Link {
  using Handler = asio::any_completion_handler<void(error_code)>;

  explicit Waiter(Runtime& owner)
      : runtime(owner),
        alarm(
            owner.clock(),
            [](void* self) { static_cast<Waiter*>(self)->complete(asio::error::timed_out); },
            this) {}

  void start(Handler on_done, Deadline deadline) {
    handler = std::move(on_done);
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type) { complete(asio::error::operation_aborted); });
    }
    alarm.set(deadline);
  }

  void complete(error_code why) {
    if (!handler) return;  // completed already; the invocation is on its way
    unlink();
    alarm.cancel();
    asio::post(runtime.executor(), asio::append(std::move(handler), why));
    handler = nullptr;
  }

  Runtime& runtime;
  Handler handler;
  Alarm alarm;
};

Condition::~Condition() {
  assert(!has_waiters() || runtime_.abandoned());
}

task<bool> Condition::wait(Deadline deadline) {
  Waiter waiter(runtime_);
  waiters_.push_back(waiter);
  auto [why] =
      co_await asio::async_initiate<const asio::as_tuple_t<asio::use_awaitable_t<Executor>>,
                                    void(error_code)>(
          [](Waiter::Handler handler, Waiter* self, Deadline until) {
            self->start(std::move(handler), until);
          },
          asio::as_tuple(asio::use_awaitable_t<Executor>{}), &waiter, deadline);
  if (why == asio::error::operation_aborted) throw boost::system::system_error(why);
  co_return !why;
}

void Condition::notify_one() {
  if (!waiters_.empty()) static_cast<Waiter&>(waiters_.front()).complete({});
}

void Condition::wake_all() {
  while (!waiters_.empty()) static_cast<Waiter&>(waiters_.front()).complete({});
}

}  // namespace babilu
