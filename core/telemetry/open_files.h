#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace babilu::telemetry {

/// How many files the process has open, without a pause for the thread that asks: there may be
/// tens of thousands of them, and whoever asks may be an event loop.
///
/// Since Linux 6.2 the size of /proc/self/fd says it at once (proc(5)). Before, somebody has to
/// list that directory: a thread of this object does, whenever it is asked, and the answer is what
/// it counted last. Any thread may ask.
class OpenFiles {
 public:
  /// What a source knows; nothing when it cannot tell.
  using Source = std::function<std::optional<std::size_t>()>;

  /// `quick` is asked in the call; `slow`, where that knows nothing, on a thread.
  explicit OpenFiles(Source quick = &count_at_once, Source slow = &count_one_by_one);
  ~OpenFiles();
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;

  /// Nothing while the first count is not done.
  std::optional<std::size_t> count();

  static std::optional<std::size_t> count_at_once();
  static std::optional<std::size_t> count_one_by_one();

 private:
  void work();

  const Source quick_;
  const Source slow_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<std::size_t> last_;
  bool wanted_ = false;
  bool closing_ = false;
  std::thread thread_;  ///< from the first question that needs it
};

}  // namespace babilu::telemetry
