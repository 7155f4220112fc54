#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "core/runtime/clock.h"
#include "tools/bots/recorder.h"

namespace babilu::bots {

/// What a run is doing, for a display.
struct ProgressView {
  Stage stage = Stage::connect;
  Clock::duration elapsed{0};   ///< in this stage
  Clock::duration duration{0};  ///< of the load, as asked for
  std::uint64_t done = 0;       ///< bots connected or set up, things checked
  std::uint64_t planned = 0;
  std::uint64_t requests = 0;  ///< of the load
  std::uint64_t failed = 0;
  std::uint64_t wrong = 0;   ///< lost, duplicated or corrupt
  double per_second = 0;     ///< since the last view
  std::uint64_t p50_ns = 0;  ///< likewise
  std::uint64_t p99_ns = 0;
};

/// Is told once a second, and when a stage begins, how far a run is.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void update(const ProgressView& view) = 0;
  /// The run is over; what follows is the report.
  virtual void done() {}
};

class NoProgress final : public Progress {
 public:
  void update(const ProgressView&) override {}
};

/// One line that rewrites itself on a terminal; elsewhere a line when a stage begins and every five
/// seconds.
class TerminalProgress final : public Progress {
 public:
  /// `out` must stay open; the standard error is the usual choice.
  explicit TerminalProgress(std::FILE* out);
  TerminalProgress(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}

  void update(const ProgressView& view) override;
  void done() override;

 private:
  void say(const std::string& text);

  std::FILE* out_;
  bool terminal_;
  bool began_ = false;
  Stage stage_ = Stage::connect;
  Clock::duration next_line_{0};
};

/// The line, without its end.
std::string format_progress(const ProgressView& view);

}  // namespace babilu::bots
