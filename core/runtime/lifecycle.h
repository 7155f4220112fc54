#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace babilu {

class Runtime;

/// What a process is doing. It moves forward only.
enum class Phase { starting, ready, draining, stopped };

const char* to_string(Phase phase) noexcept;

/// The phase of one process (or of one node of a simulation), who must hear of it, and what
/// readiness depends on. Any thread may call any function.
class Lifecycle {
 public:
  Phase phase() const noexcept { return phase_.load(std::memory_order_acquire); }

  /// Moves forward; moving to where it is or back does nothing. Listeners run on their Runtimes.
  void advance(Phase phase);

  /// `heard` runs on `runtime` once the phase is draining or later; at once if it is already.
  void on_drain(Runtime& runtime, std::function<void()> heard);

  /// A named condition of readiness: nothing when it holds, else why not, in words.
  using Check = std::function<std::optional<std::string>()>;
  void add_check(std::string name, Check check);

  struct CheckResult {
    std::string name;
    std::optional<std::string> failure;
  };
  /// Every check, run now, on the calling thread.
  std::vector<CheckResult> run_checks() const;
  /// In phase ready, and no check fails.
  bool ready() const;

 private:
  struct Listener {
    Runtime* runtime;
    std::function<void()> heard;
  };

  std::atomic<Phase> phase_{Phase::starting};
  mutable std::mutex mutex_;
  std::vector<Listener> listeners_;
  std::vector<std::pair<std::string, Check>> checks_;
};

}  // namespace babilu
