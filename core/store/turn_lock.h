#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "core/store/error.h"
#include "core/store/file_id.h"

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
/// Byte 2 is held by everybody who has the file open, shared, so that one can know to be alone.
/// Behind the locks there is room for a note, which only the holder of the turn writes.
///
/// Cost: 2–3 µs a turn that nobody else wants. Thread: one at a time.
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

  /// Nobody else has the file open. Needs the turn.
  bool alone() const noexcept;
  static constexpr std::size_t note_bytes = 256;
  bool read_note(std::span<std::byte> bytes) const noexcept;
  /// The same without the turn, so that it may be half of one: read it twice. Returns the file that
  /// it is in, absent when there is no note. Any thread.
  static FileId peek_note(const std::filesystem::path& path, std::span<std::byte> bytes) noexcept;
  void write_note(std::span<const std::byte> bytes) const noexcept;
  /// So that it outlives the machine's power.
  void flush_note() const noexcept;
  /// The lock file itself.
  FileId file() const noexcept;

 private:
  explicit TurnLock(std::filesystem::path path) : path_(std::move(path)) {}
  StoreResult<void> open_file();
  void close_file() noexcept;
  bool is_at_its_path() const noexcept;
  bool lock(int byte, short kind) const noexcept;
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
