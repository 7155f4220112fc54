#pragma once

#include <initializer_list>

#include "core/runtime/descriptor.h"

namespace babilu {

/// Holds SIGINT, SIGTERM and SIGHUP back until a Signals takes them, or release_signals(): what
/// comes in before a process can end in order is not lost, and does not end it out of order. For
/// the first line of main(), before there are threads.
void hold_signals() noexcept;
/// Lets them do what they do by themselves.
void release_signals() noexcept;

/// Takes signals of the process, whichever thread the system gives them to, and hands them to one
/// coroutine. One object at a time; the destructor restores what was done with them before.
///
/// Thread: the Runtime's.
class Signals {
 public:
  /// What to do with signals that the process was started to ignore, as by nohup.
  enum class Ignored { leave, take };

  /// At most 8 of them; those that were held back come first. Throws std::system_error when the
  /// machine is out of files.
  Signals(Runtime& runtime, std::initializer_list<int> numbers, Ignored ignored = Ignored::leave);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// The number of the next one; each that came since the last call, in order.
  task<int> next();

 private:
  Descriptor reader_;
};

}  // namespace babilu
