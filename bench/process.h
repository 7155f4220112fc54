#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace babilu::bench {

using Arguments = std::vector<std::string>;

/// A child process whose CPU time is measured. Ended by the destructor, or when we end.
class Process {
 public:
  /// Starts a program, on one core when that is said; its output goes to /dev/null, its errors to
  /// ours.
  explicit Process(const Arguments& arguments, std::optional<int> core = std::nullopt);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t id() const noexcept { return pid_; }
  /// User and system time so far, in microseconds, of all its threads.
  double cpu_microseconds() const;

 private:
  pid_t pid_;
};

/// Runs a program to its end and gives what it printed. Throws when it fails or takes longer.
std::string run_program(const Arguments& arguments, std::optional<int> core,
                        std::chrono::seconds limit);

}  // namespace babilu::bench
