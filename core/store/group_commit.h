#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "core/store/connection.h"
#include "core/store/health.h"
#include "core/store/metrics.h"
#include "core/store/open_files.h"
#include "core/store/unit.h"
#include "core/telemetry/log.h"

namespace babilu::store {

/// A unit on its way through a group. The units of a group and what became of them.
struct GroupMember {
  detail::WriteWork* work = nullptr;
  AfterLostCommit after_lost = AfterLostCommit::fail;
  Decision decision = Decision::roll_back;  ///< of the last run

 protected:
  ~GroupMember() = default;
};

/// Runs units on the one writing connection, many in one transaction, a savepoint each, one COMMIT.
/// Whatever goes wrong ends as a failure in the units that it concerns; nothing is thrown.
///
/// Knows no thread, queue or lock: the caller has the turn.
class GroupCommit {
 public:
  GroupCommit(std::unique_ptr<Connection> connection, TurnLock& turn, const OpenFiles& files,
              std::filesystem::path path, StoreMetrics& metrics, Health& health,
              telemetry::Log log);

  /// Takes units from `next` until it gives null, runs them, and returns when all of them have
  /// their answers.
  using Next = std::function<GroupMember*()>;
  void run(const Next& next);

  /// Copies the log into the file when it is long enough that it pays. Needs the turn.
  void checkpoint_if_due(std::size_t pages);
  /// Before the file is closed.
  void last_checkpoint();

 private:
  using Group = std::vector<GroupMember*>;
  enum class Outcome {
    committed,  ///< or there was nothing to commit
    lost,       ///< the transaction is gone; nothing took effect
    refused,    ///< it could not begin
    unknown,    ///< COMMIT failed
  };

  Outcome attempt(Group& group, const Next& next);
  void run_member(GroupMember& member);
  void end_savepoint(GroupMember& member);
  StoreError lost_by(const GroupMember& member) const;
  bool begin();
  Outcome end(bool anything_kept);
  void abandon();
  void run_alone(GroupMember& member);
  void settle_lost(const Group& group);
  void settle_unknown(const Group& group);
  bool connected();
  void fail(GroupMember& member, StoreError error);
  void note_problem(const StoreError& error);
  void checkpoint(Connection::Checkpoint mode);

  std::unique_ptr<Connection> connection_;
  TurnLock& turn_;
  const OpenFiles& files_;
  const std::filesystem::path path_;
  StoreMetrics& metrics_;
  Health& health_;
  telemetry::Log log_;
  StoreError cause_;                    ///< of the last Outcome that was not `committed`
  std::size_t checkpointed_pages_ = 0;  ///< length of the log when last tried
};

}  // namespace babilu::store
