#pragma once

#include <boost/intrusive/list.hpp>

namespace babilu {

class Runtime;

/// Something to do once everything that is ready now has had its turn, however often it was asked
/// for: how many small writes become one. Cancelled by its destructor.
///
/// Thread: the Runtime's. The callback must not throw.
class Deferred : public boost::intrusive::list_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  using Callback = void (*)(void* context);
  Deferred(Runtime& runtime, Callback callback, void* context) noexcept
      : runtime_(runtime), callback_(callback), context_(context) {}
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  /// Asks for one call; asking again before it came changes nothing.
  void schedule() {
    if (!is_linked()) defer();
  }
  /// The same, after what becomes ready outside has had its turn, too.
  void schedule_next_turn();
  void cancel() noexcept { unlink(); }

 private:
  friend class Runtime;
  void defer();

  Runtime& runtime_;
  Callback callback_;
  void* context_;
};

}  // namespace babilu
