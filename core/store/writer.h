#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"
#include "core/store/database_file.h"
#include "core/store/group_commit.h"
#include "core/store/options.h"
#include "core/store/turn_lock.h"
#include "core/store/unit.h"

namespace babilu {
class Runtime;
}

namespace babilu::store {

/// The queue in front of GroupCommit and the thread that empties it. The thread starts with the
/// first unit of a Runtime that is not simulated; units of a simulated one run in the call.
///
/// A lone unit is committed at once; those that come while a group is at work make up the next one,
/// so groups grow by themselves as the load does. Nobody waits for company.
class Writer {
 public:
  Writer(DatabaseFile file, const StoreOptions& options, StoreMetrics& metrics, Health& health);
  ~Writer();  ///< finishes what it has accepted
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// After the next group. Any thread.
  void checkpoint_soon() noexcept { checkpoint_soon_ = true; }
  /// What has become of the files. Any thread.
  std::optional<StoreError> files_changed() const { return files_->changed(); }

  /// Returns, on `runtime`, when the unit has its answer.
  task<> run(Runtime& runtime, detail::WriteWork& work, Deadline deadline,
             AfterLostCommit after_lost);

 private:
  struct Waiting;
  using Time = std::chrono::steady_clock::time_point;

  void run_inline(Waiting& unit);
  std::optional<StoreError> submit(Waiting& unit, std::optional<std::chrono::nanoseconds> left);
  void work();
  bool wait_for_units();
  bool take_turn();
  Waiting* take_for_group(std::size_t taken, Time group_ends);
  void run_group();
  void checkpoint_if_due();
  std::vector<Waiting*> remove_expired(Time now);
  void answer_late(const std::vector<Waiting*>& late, const StoreError& error);
  void learn_cost(std::chrono::nanoseconds spent);
  std::chrono::nanoseconds expected_wait() const;  ///< under the mutex

  const StoreOptions& options_;
  StoreMetrics& metrics_;
  Health& health_;
  const std::unique_ptr<OpenFiles> files_;
  std::unique_ptr<TurnLock> turn_;
  std::atomic<bool> checkpoint_soon_{false};
  GroupCommit group_commit_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting*> queue_;
  bool closing_ = false;
  std::chrono::nanoseconds cost_of_group_{0};  ///< lately
  std::once_flag started_;
  std::thread thread_;
};

}  // namespace babilu::store
