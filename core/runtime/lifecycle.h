#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/task.h"

namespace babilu {

class Runtime;

/// What a process is doing. It moves forward only.
enum class Phase { starting, ready, draining, stopped };

const char* to_string(Phase phase) noexcept;

/// The phase of one process (or of one node of a simulation), and what readiness depends on. Any
/// thread may call any function.
class Lifecycle {
 public:
  Phase phase() const noexcept { return phase_.load(std::memory_order_acquire); }

  /// Moves forward; moving to where it is or back does nothing.
  void advance(Phase phase);

  /// Something that the process cannot do without has failed: readiness says why from now on, and
  /// the process drains. The first failure is kept.
  void fail(std::string why);

  /// Returns, on the caller's Runtime, when the phase is draining or later.
  task<> draining(Runtime& runtime);

  /// What reading the configuration again means; nothing by default. Called on the Runtime that
  /// takes signals or answers the admin endpoint. Gives what was wrong, in words, or nothing.
  using Reload = std::function<std::optional<std::string>()>;
  void on_reload(Reload reload);
  /// Absent when the process cannot reload at all; else what came of it.
  std::optional<std::optional<std::string>> ask_to_reload();

  /// A named condition of readiness: nothing when it holds, else why not, in words.
  using Check = std::function<std::optional<std::string>()>;
  void add_check(std::string name, Check check);
  /// Something that readiness tells in its details and that takes nothing from it: nothing, or what
  /// somebody should look after, in words.
  void add_warning(std::string name, Check check);

  struct CheckResult {
    std::string name;
    std::optional<std::string> failure;
    std::optional<std::string> warning = {};
  };
  /// Every check, run now, on the calling thread, and the warnings that there are. After fail() a
  /// failed one, "process", besides.
  std::vector<CheckResult> run_checks() const;
  /// In phase ready, and no check fails.
  bool ready() const;

 private:
  struct Waiter;

  std::atomic<Phase> phase_{Phase::starting};
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<Waiter>> waiters_;
  std::vector<std::pair<std::string, Check>> checks_;
  std::vector<std::pair<std::string, Check>> warnings_;
  Reload reload_;
  std::optional<std::string> failure_;
};

}  // namespace babilu
