#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/net/network.h"

namespace babilu {
class Runtime;
}

namespace babilu::cli {

/// This program, run again as a process of its own.
///
/// It has a process group of its own, so that Ctrl-C reaches it through us alone; no BABILU_
/// variables, so that it is told everything by its arguments; and it is told to end (SIGTERM) when
/// we die. The destructor kills it. Thread: the one that started it, until the end.
class ChildProcess {
 public:
  struct Start {
    std::string name;                    ///< for people: "backend-a"
    std::vector<std::string> arguments;  ///< without the program's name
    std::filesystem::path log;           ///< takes both outputs; empty: they are ours
  };

  /// Throws std::system_error when there can be no process.
  explicit ChildProcess(Start start);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  const std::string& name() const noexcept { return start_.name; }
  const std::filesystem::path& log() const noexcept { return start_.log; }

  /// Looks whether it has ended: its exit code, or 128 + the signal that ended it.
  std::optional<int> ended();
  /// Returns its end, or nothing at the deadline.
  task<std::optional<int>> wait(Runtime& runtime, Deadline deadline);
  void signal(int number) noexcept;

 private:
  Start start_;
  pid_t pid_ = -1;
  std::optional<int> end_;
};

/// The path of this program.
std::filesystem::path own_program();

/// The last lines of a file, each behind two blanks; what an ended process had to say.
std::string last_lines(const std::filesystem::path& file, std::size_t count);

}  // namespace babilu::cli
