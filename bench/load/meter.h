#pragma once

#include <sys/types.h>

#include "bench/load/clock.h"

namespace babilu::load {

/// What another process has used so far.
class Meter {
 public:
  /// 0 stands for no process: everything reads as 0.
  explicit Meter(pid_t pid);

  /// User and system time of all its threads, in nanoseconds: the kernel's own sum, without the
  /// 10 ms ticks of /proc/PID/stat.
  Nanoseconds cpu() const noexcept;
  /// Bytes of memory that are this process's alone.
  double memory() const;

 private:
  pid_t pid_;
  clockid_t clock_ = 0;
};

}  // namespace babilu::load
