#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace babilu::bench {

/// A child process whose CPU time is measured. Ended by the destructor.
class Process {
 public:
  /// Starts a program; its output goes to /dev/null, its errors to ours.
  explicit Process(const std::vector<std::string>& arguments);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// User and system time so far, in microseconds. The kernel counts in ticks of 10 ms.
  double cpu_microseconds() const;

 private:
  pid_t pid_;
};

}  // namespace babilu::bench
