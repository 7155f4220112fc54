#include "core/runtime/descriptor.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "core/runtime/poller.h"
#include "core/runtime/runtime.h"
#include "core/runtime/waiter.h"

namespace babilu {

namespace asio = boost::asio;

/// A Waiter that resumes a coroutine. Lives in its frame, which stays suspended until `handler_`
/// has been invoked.
class Descriptor::Wait {
 public:
  /// asio::error values, as a type that does not throw when it arrives.
  struct Outcome {
    error_code error;
  };
  using Handler = asio::any_completion_handler<void(Outcome)>;

  explicit Wait(Runtime& runtime)
      : runtime_(runtime),
        waiter_(
            runtime, [](void* self, error_code why) { static_cast<Wait*>(self)->resume(why); },
            this) {}
  Waiter& waiter() noexcept { return waiter_; }
  auto operator()() {
    return asio::async_initiate<const asio::deferred_t, void(Outcome)>(
        [](auto handler, Wait* self) { self->start(std::move(handler)); }, asio::deferred, this);
  }
  /// Resumes it later, from the loop.
  void give_up(error_code why) {
    if (!handler_) return;
    waiter_.leave();
    asio::post(runtime_.executor(), asio::append(std::exchange(handler_, nullptr), Outcome{why}));
  }

 private:
  void start(Handler handler) {
    handler_ = std::move(handler);
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected()) return;
    slot.assign([this](asio::cancellation_type) { give_up(asio::error::operation_aborted); });
  }
  void resume(error_code why) {
    if (handler_) std::exchange(handler_, nullptr)(Outcome{why});
  }

  Runtime& runtime_;
  Handler handler_;
  Waiter waiter_;
};

Descriptor::Descriptor(Runtime& runtime, int descriptor) noexcept
    : runtime_(runtime), descriptor_(descriptor) {
  if (open() && !runtime_.poller().add(*this)) close();
}

void Descriptor::close() noexcept {
  if (!open()) return;
  runtime_.poller().remove(*this);
  ::close(std::exchange(descriptor_, -1));
  for (Direction* direction : {&in_, &out_}) {
    direction->ready = true;
    if (direction->waiter != nullptr) direction->waiter->tell_later(asio::error::bad_descriptor);
  }
}

void Descriptor::on_ready(std::uint32_t events) {
  const bool over = (events & (EPOLLERR | EPOLLHUP)) != 0;
  in_.ended |= over || (events & EPOLLRDHUP) != 0;
  out_.ended |= over;
  in_.ready |= in_.ended || (events & EPOLLIN) != 0;
  out_.ready |= out_.ended || (events & EPOLLOUT) != 0;
  const bool reads = in_.ready && in_.waiter != nullptr;
  const bool writes = out_.ready && out_.waiter != nullptr;
  if (reads && writes) return tell_both();
  if (reads) return in_.waiter->tell_now();
  if (writes) out_.waiter->tell_now();
}

/// Whoever is told first may destroy this object, or the other waiter.
void Descriptor::tell_both() {
  Waiter* reader = nullptr;
  in_.waiter->stand_at(reader);
  out_.waiter->tell_now();
  if (reader != nullptr) reader->tell_now();
}

bool Descriptor::when_ready(Direction& direction, Waiter& waiter) const noexcept {
  if (!open() || direction.ready) return true;
  waiter.stand_at(direction.waiter);
  return false;
}

namespace {

error_code explain(error_code outcome) {
  if (outcome == asio::error::operation_aborted) throw boost::system::system_error(outcome);
  return outcome == asio::error::bad_descriptor ? error_code(asio::error::operation_aborted)
                                                : outcome;
}

}  // namespace

task<error_code> Descriptor::wait(Direction& direction, Deadline deadline) {
  if (deadline == no_deadline) return wait(direction);
  return wait_until(direction, deadline);
}

// Nothing of this object is touched after the wait: it may be gone by then.
task<error_code> Descriptor::wait(Direction& direction) {
  if (!open()) co_return asio::error::operation_aborted;
  Wait wait(runtime_);
  if (when_ready(direction, wait.waiter())) co_return error_code();
  const Wait::Outcome outcome = co_await wait();
  co_return explain(outcome.error);
}

task<error_code> Descriptor::wait_until(Direction& direction, Deadline deadline) {
  if (!open()) co_return asio::error::operation_aborted;
  Wait wait(runtime_);
  if (when_ready(direction, wait.waiter())) co_return error_code();
  Alarm alarm(
      runtime_.clock(),
      [](void* self) { static_cast<Wait*>(self)->give_up(asio::error::timed_out); }, &wait);
  alarm.set(deadline);
  const Wait::Outcome outcome = co_await wait();
  co_return explain(outcome.error);
}

}  // namespace babilu
