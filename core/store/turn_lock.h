#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/store/error.h"

namespace babilu::store {

/// Whose turn it is to write or checkpoint a database file, among all processes that share it, and
/// all stores in one process.
///
/// Two byte locks of `<database>.lock`, held on the open file (fcntl(2), F_OFD_SETLK), so that the
/// kernel frees them when a process dies, however it does. Byte 0 is the turn. Byte 1 is the head
/// of the line: whoever waits holds it, and whoever wants the next turn needs it first, so two
/// writers that never pause alternate. The line is a courtesy: after line_patience one goes on
/// without it, so a stopped process that only waited is in nobody's way for long.
///
/// Waiting is a futex on the mapped file, which a release wakes; nothing is ever written to it, so
/// a wake-up can be missed, and each sleep is short. A wait is bounded by the caller alone: a
/// holder that is stopped (SIGSTOP) keeps the turn.
///
/// Cost: 1–2 µs a turn that nobody else wants. Thread: one at a time.
class TurnLock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds line_patience{25};
  static constexpr std::chrono::milliseconds longest_sleep{5};

  /// Opens or creates the lock file, readable by its owner alone.
  static StoreResult<std::unique_ptr<TurnLock>> open(std::filesystem::path path);
  ~TurnLock();  ///< gives up the turn or the place in line
  TurnLock(const TurnLock&) = delete;
  TurnLock& operator=(const TurnLock&) = delete;

  /// Waits for the turn; false when `until` came first. The place in line is then kept for another
  /// call, until withdraw().
  bool acquire(Time until);
  void withdraw() noexcept;
  void release() noexcept;
  bool held() const noexcept { return held_; }

 private:
  explicit TurnLock(std::filesystem::path path) : path_(std::move(path)) {}
  StoreResult<void> open_file();
  void close_file() noexcept;
  bool file_was_removed() const noexcept;
  bool lock(int byte) const noexcept;
  void unlock(int byte) const noexcept;
  void sleep(Time until) noexcept;
  void wake_all() noexcept;

  const std::filesystem::path path_;
  int file_ = -1;
  void* page_ = nullptr;
  std::optional<Time> waiting_since_;
  bool in_line_ = false;
  bool held_ = false;
};

}  // namespace babilu::store
