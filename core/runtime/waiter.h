#pragma once

#include <cassert>

#include <boost/system/error_code.hpp>

#include "core/runtime/deferred.h"

namespace babilu {

/// Whoever waits for one event, without a coroutine frame or a handler of its own: a callback that
/// stands in a place where the source of the event finds it. Told once for each time that it stands
/// somewhere; leaves by itself when destroyed.
///
/// Thread: the Runtime's. The callback runs from the loop.
class Waiter {
 public:
  using Callback = void (*)(void* context, boost::system::error_code why);
  Waiter(Runtime& runtime, Callback callback, void* context) noexcept
      : callback_(callback),
        context_(context),
        deferred_(runtime, [](void* self) { static_cast<Waiter*>(self)->call(); }, this) {}
  ~Waiter() { leave(); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /// Where it is to be found. It stands in one place only, and there alone: that nobody waits there
  /// already is a condition, since whoever was overwritten would never be told.
  void stand_at(Waiter*& place) noexcept {
    leave();
    assert(place == nullptr);
    place_ = &place;
    place = this;
  }
  /// Waits no more, as if it had never begun.
  void leave() noexcept {
    if (place_ != nullptr) {
      assert(*place_ == this);
      *place_ = nullptr;
    }
    place_ = nullptr;
    deferred_.cancel();
  }

  /// Calls it within this call: for sources that are called from the loop themselves.
  void tell_now() {
    leave();
    outcome_ = {};
    call();
  }
  /// Calls it from the loop, once all that is ready now has had its turn.
  void tell_later(boost::system::error_code why = {}) {
    leave();
    outcome_ = why;
    deferred_.schedule();
  }
  /// The same after what becomes ready outside has had a turn, too.
  void tell_next_turn() {
    leave();
    outcome_ = {};
    deferred_.schedule_next_turn();
  }

 private:
  void call() { callback_(context_, outcome_); }

  Callback callback_;
  void* context_;
  Waiter** place_ = nullptr;
  boost::system::error_code outcome_;
  Deferred deferred_;
};

}  // namespace babilu
