#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The program `babilu`, as built (or the one that BABILU_PROGRAM names), run for a test.
namespace babilu::testing {

using namespace std::chrono_literals;

/// How long something may take that should be quick: the end of a hang, no judgement.
inline constexpr auto patience = std::chrono::seconds(60);

using Environment = std::map<std::string, std::string>;

struct Command {
  std::vector<std::string> arguments;
  std::string program = {};      ///< a path; empty: `babilu`
  Environment environment = {};  ///< all of it, but for PATH
  std::string input = {};
  /// Where its outputs go, as paths; empty: they are kept.
  std::string out_to = {};
  std::string err_to = {};
  /// The terminal that it belongs to, as a path; empty: it has none.
  std::string terminal = {};
  bool talks_to_terminal = false;  ///< by its standard streams, which are not kept then
  /// Not as root, whom no file permission stops.
  bool powerless = false;
  /// The largest file that it may write, as if the disk were full then.
  std::optional<std::uint64_t> file_limit = {};
  /// A signal that is there before it starts, held back as it was by who starts it.
  int pending_signal = 0;
  bool ignores_hangup = false;  ///< from the start, as by nohup
  /// How many files and sockets it may have open.
  std::optional<std::uint64_t> open_files = {};
};

/// Where the program is.
std::string program_path();

/// One process. What it writes is kept in memory. Killed by the destructor.
class Process {
 public:
  explicit Process(const Command& command);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  pid_t id() const noexcept { return pid_; }
  void signal(int number) const;
  /// SIGSTOP, and waits until it stands still: what is sent to it from now on has no answer.
  void stop();
  /// Its exit code, or 128 + the signal that ended it; nothing while it runs.
  std::optional<int> ended();
  /// Waits for its end. Throws when there is none.
  int wait();
  /// Waits until it has written this to its standard error. False when it ends without.
  bool says(std::string_view text);

  std::string out() const;
  std::string err() const;

 private:
  pid_t pid_ = -1;
  int out_;
  int err_;
  std::optional<int> end_;
};

struct Outcome {
  int exit_code;
  std::string out;
  std::string err;
};
Outcome run(const Command& command);

/// Whether something came true in time. For what only looking tells, such as another process.
template <class Condition>
bool eventually(Condition&& condition, std::chrono::milliseconds time = patience) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    const timespec moment{0, 5'000'000};
    ::nanosleep(&moment, nullptr);
  }
  return true;
}

/// A port of 127.0.0.1 that nobody has, and that no other test gets while this process runs: this
/// one and the others asked for, counted from it. Thread: the test's.
std::uint16_t free_port(std::initializer_list<int> others = {});

}  // namespace babilu::testing
