#include "core/store/group_commit.h"

#include <algorithm>
#include <cassert>

#include "core/store/database_file.h"

namespace babilu::store {

GroupCommit::GroupCommit(std::unique_ptr<Connection> connection, TurnLock& turn,
                         const OpenFiles& files, std::filesystem::path path, StoreMetrics& metrics,
                         Health& health, telemetry::Log log)
    : connection_(std::move(connection)),
      turn_(turn),
      files_(files),
      path_(std::move(path)),
      metrics_(metrics),
      health_(health),
      log_(std::move(log)) {}

void GroupCommit::run(const Next& next) {
  Group group;
  switch (attempt(group, next)) {
    case Outcome::committed:
      break;
    case Outcome::refused:
      for (GroupMember* member : group) fail(*member, cause_);
      break;
    case Outcome::lost:
      settle_lost(group);
      break;
    case Outcome::unknown:
      settle_unknown(group);
      break;
  }
  for (const GroupMember* member : group) {
    const bool failed = member->work->failure || member->work->bug;
    const bool kept = member->decision == Decision::commit;
    (failed ? metrics_.failed : kept ? metrics_.committed : metrics_.rolled_back).add();
  }
}

GroupCommit::Outcome GroupCommit::attempt(Group& group, const Next& next) {
  const bool begun = begin();
  while (GroupMember* member = next()) {
    group.push_back(member);
    if (!begun) continue;
    run_member(*member);
    if (!connection_ || !connection_->in_transaction()) {
      cause_ = lost_by(*member);
      return Outcome::lost;
    }
  }
  if (!begun) return Outcome::refused;
  const bool anything_kept = std::any_of(group.begin(), group.end(), [](const auto* member) {
    return member->decision == Decision::commit;
  });
  return end(anything_kept);
}

StoreError GroupCommit::lost_by(const GroupMember& member) const {
  if (member.work->failure) return *member.work->failure;
  // The unit caught the exception and went on.
  return connection_ ? connection_->last_error()
                     : StoreError(ErrorCode::unavailable, "the transaction was lost");
}

bool GroupCommit::begin() {
  if (auto changed = files_.changed()) {
    cause_ = std::move(*changed);
    log_.limited(telemetry::LogLevel::error, "store files replaced",
                 "the database's files are not those that were opened; nothing is written",
                 telemetry::field("cause", cause_));
    return false;
  }
  if (!connected()) return false;
  try {
    connection_->execute("begin immediate");
    return true;
  } catch (const DatabaseError& error) {
    cause_ = error.error();
    return false;
  }
}

void GroupCommit::run_member(GroupMember& member) {
  assert(connection_ && connection_->in_transaction());
  detail::WriteWork& work = *member.work;
  work.failure.reset();
  work.bug = nullptr;
  member.decision = Decision::roll_back;
  try {
    connection_->execute("savepoint unit");
    Transaction transaction(*connection_);
    member.decision = work.run(transaction);
  } catch (const DatabaseError& error) {
    work.failure = error.error();
    note_problem(error.error());
  } catch (...) {
    work.bug = std::current_exception();
  }
  if (connection_->in_transaction()) end_savepoint(member);
}

void GroupCommit::end_savepoint(GroupMember& member) {
  try {
    if (member.decision == Decision::roll_back) connection_->execute("rollback to unit");
    connection_->execute("release unit");
  } catch (const DatabaseError& error) {
    // What the unit did can no longer be told apart from the others'.
    member.work->failure = error.error();
    abandon();
  }
}

GroupCommit::Outcome GroupCommit::end(bool anything_kept) {
  assert(connection_ && connection_->in_transaction());
  try {
    if (!anything_kept) {
      // A COMMIT would write, and flush, pages that are as they were.
      connection_->execute("rollback");
      return Outcome::committed;
    }
    connection_->execute("commit");
    metrics_.commits.add();
    health_.good();
    metrics_.log_pages.set(static_cast<std::int64_t>(connection_->wal_pages()));
    return Outcome::committed;
  } catch (const DatabaseError& error) {
    cause_ = error.error();
    if (!connection_->in_transaction()) return Outcome::unknown;
    abandon();
    return Outcome::lost;
  }
}

void GroupCommit::abandon() {
  try {
    if (connection_->in_transaction()) connection_->execute("rollback");
  } catch (const DatabaseError&) {
    connection_.reset();  // closing it rolls back as well
  }
}

void GroupCommit::run_alone(GroupMember& member) {
  Group group;
  bool given = false;
  const Outcome outcome =
      attempt(group, [&] { return std::exchange(given, true) ? nullptr : &member; });
  if (outcome == Outcome::committed) return;
  StoreError error = cause_;
  if (outcome == Outcome::unknown) {
    connection_.reset();
    error.outcome_unknown = member.decision == Decision::commit;
  }
  fail(member, std::move(error));
}

void GroupCommit::settle_lost(const Group& group) {
  metrics_.lost.add();
  log_.limited(telemetry::LogLevel::warn, "store transaction lost",
               "a transaction was lost; its units run again one by one",
               telemetry::field("units", group.size()), telemetry::field("cause", cause_));
  for (GroupMember* member : group) run_alone(*member);
}

void GroupCommit::settle_unknown(const Group& group) {
  metrics_.lost.add();
  log_.limited(telemetry::LogLevel::error, "store commit failed",
               "a COMMIT failed; whether it took effect is looked up where units can tell",
               telemetry::field("units", group.size()), telemetry::field("cause", cause_));
  const StoreError cause = cause_;
  connection_.reset();  // what it believes about the file may be wrong
  for (GroupMember* member : group) {
    // A unit that rolled back had no effect, whatever became of the others.
    const bool repeatable =
        member->after_lost == AfterLostCommit::run_again || member->decision == Decision::roll_back;
    if (repeatable) {
      run_alone(*member);
    } else {
      StoreError error = cause;
      error.outcome_unknown = true;
      fail(*member, std::move(error));
    }
  }
}

bool GroupCommit::connected() {
  if (connection_) return true;
  auto reopened = reopen(path_, Connection::Mode::write);
  if (reopened) {
    connection_ = std::move(*reopened);
    return true;
  }
  cause_ = reopened.error();
  cause_.code = ErrorCode::unavailable;
  return false;
}

void GroupCommit::fail(GroupMember& member, StoreError error) {
  note_problem(error);
  // A full disk is worth its own code; any other failed COMMIT is just that.
  if (error.outcome_unknown && error.code != ErrorCode::disk_full) {
    error.code = ErrorCode::outcome_unknown;
  }
  member.work->bug = nullptr;
  member.work->failure = std::move(error);
}

void GroupCommit::note_problem(const StoreError& error) {
  switch (error.code) {
    case ErrorCode::unavailable:
    case ErrorCode::disk_full:
    case ErrorCode::corrupt:
    case ErrorCode::replaced:
      health_.bad(error);
      break;
    default:  // the unit's own
      break;
  }
}

void GroupCommit::checkpoint_if_due(std::size_t pages) {
  if (!connection_ || files_.changed()) return;
  const std::size_t length = connection_->wal_pages();
  if (length < checkpointed_pages_) checkpointed_pages_ = 0;  // the log has started over
  if (length < checkpointed_pages_ + pages) return;
  // Readers that never pause would let the log grow for ever: then wait for them a moment.
  const bool overdue = length >= 4 * pages;
  checkpoint(overdue ? Connection::Checkpoint::restart : Connection::Checkpoint::passive);
  checkpointed_pages_ = length;
}

void GroupCommit::last_checkpoint() {
  if (connection_ && files_.may_checkpoint()) checkpoint(Connection::Checkpoint::truncate);
}

void GroupCommit::checkpoint(Connection::Checkpoint mode) {
  assert(!connection_->in_transaction());
  try {
    files_.will_write(turn_);
    connection_->checkpoint(mode);
    files_.has_written(turn_);
    metrics_.checkpoints.add();
  } catch (const DatabaseError& error) {
    // The log keeps everything; a later checkpoint will do.
    log_.limited(telemetry::LogLevel::warn, "store checkpoint failed", "a checkpoint failed",
                 telemetry::field("cause", error.error()));
  }
}

}  // namespace babilu::store
