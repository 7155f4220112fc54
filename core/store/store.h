#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/runtime/clock.h"
#include "core/runtime/task.h"
#include "core/store/error.h"
#include "core/store/options.h"
#include "core/store/unit.h"

namespace babilu {
class Runtime;
}

namespace babilu::store {

/// The database of a process: one SQLite file that several processes may share.
///
/// Work is a unit: a plain function of a transaction (not a coroutine) that owns its inputs by
/// value and can run again. It runs on a thread of the store; it must not wait, nor touch anything
/// of a Runtime. The caller goes on, on its own Runtime, only after the COMMIT.
///
///   auto result = co_await store.write(
///       runtime,
///       [name](Transaction& transaction) -> Verdict<bool> {
///         transaction.execute("update account set failures = failures + 1 where name = ?", name);
///         return commit(false);
///       },
///       deadline);
///
/// Durable: write-ahead log, synchronous = full. Units that wait at the same time share one flush
/// (group_commit.h); processes take turns (turn_lock.h).
///
/// Errors are values (error.h); an exception of the unit that is not a DatabaseError is a bug and
/// is thrown to the caller, after the unit was rolled back. Any Runtime of the process may call.
/// A unit that was accepted runs to its end whether or not its coroutine is cancelled, so the store
/// ends before the Runtimes that used it: its destructor finishes what it has accepted, and waits.
/// In a simulation everything happens in the call, in one thread.
class Store {
 public:
  /// Opens the file, or makes it, and brings its schemas up to date. Blocks: for start-up.
  static StoreResult<std::unique_ptr<Store>> open(StoreOptions options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Throws std::logic_error unless it was opened with this schema. For whoever uses its tables, at
  /// start-up, so that one left out of the options is not found by the first request.
  void require(const Schema& schema) const;

  /// Runs `unit`, Verdict<T>(Transaction&), and gives its value when its effect is on the disk, or
  /// rolled back, as it said. Refused at once when the queue is full or outlasts the deadline.
  template <class F>
  task<StoreResult<typename detail::WriteWorkOf<F>::Value>> write(
      Runtime& runtime, F unit, Deadline deadline,
      AfterLostCommit after_lost = AfterLostCommit::fail) {
    detail::WriteWorkOf<F> work(std::move(unit));
    co_await run_write(runtime, work, deadline, after_lost);
    co_return work.take();
  }

  /// Copies the log into the file after the next write: so that the file alone has it, for whoever
  /// copies that. Any thread.
  void checkpoint_soon() noexcept;

  /// Why writing failed, if it did just now, or would, for a readiness check. Looks at the files.
  /// Any thread.
  std::optional<std::string> problem() const;

  /// Runs `unit`, T(Snapshot&), beside the writer, on what was committed when it began.
  template <class F>
  task<StoreResult<typename detail::ReadWorkOf<F>::Value>> read(Runtime& runtime, F unit,
                                                                Deadline deadline) {
    detail::ReadWorkOf<F> work(std::move(unit));
    co_await run_read(runtime, work, deadline);
    co_return work.take();
  }

 private:
  struct Parts;
  explicit Store(std::unique_ptr<Parts> parts);
  task<> run_write(Runtime& runtime, detail::WriteWork& work, Deadline deadline,
                   AfterLostCommit after_lost);
  task<> run_read(Runtime& runtime, detail::ReadWork& work, Deadline deadline);

  std::unique_ptr<Parts> parts_;
};

}  // namespace babilu::store
