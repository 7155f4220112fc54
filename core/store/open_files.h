#pragma once

#include <filesystem>
#include <optional>

#include "core/store/error.h"
#include "core/store/file_id.h"
#include "core/store/turn_lock.h"

namespace babilu::store {

/// Knows whether the files that are open are still those at the database's path. Whoever moves,
/// replaces or removes one under a running process would otherwise have it write where nobody looks
/// any more, beside others who write into a new file of that name; SQLite itself does not look.
///
/// And whether a database and the log beside it belong together when nobody has them open: SQLite
/// writes what is in a log into whatever file it finds, a restored backup, too. For that a note in
/// the lock file says how the database looked when it was written last. Written and read by whoever
/// has the turn. The note also tells when another program writes into the database itself, as who
/// restores a backup in place does.
class OpenFiles {
 public:
  /// What `path` is a link to is looked at, too; log and index are beside the file itself.
  explicit OpenFiles(std::filesystem::path path);

  /// Where the database is: two names of one file must not have a lock and a log each.
  const std::filesystem::path& file() const noexcept { return file_; }
  std::filesystem::path lock_file() const { return beside(".lock"); }

  /// Before the database is opened: whether it may be. Needs the turn.
  StoreResult<void> may_open(const TurnLock& turn) const;
  /// What is at the path now is what has been opened. Needs the turn.
  void opened(TurnLock& turn);

  /// Nothing while all is as it was, else what has become of the files and what to do. Four
  /// stat(2), and the note is read. Any thread.
  std::optional<StoreError> changed() const;
  /// Whether the log may be copied into the database that is open, for the last time: whether that
  /// saves what is in it, and harms nobody else's file.
  bool may_checkpoint() const;

  /// Around whatever writes into the database itself. Need the turn.
  void will_write(TurnLock& turn) const;
  void has_written(TurnLock& turn) const;

 private:
  struct Found {
    FileId database;
    FileId log;
    FileId index;
    friend bool operator==(const Found&, const Found&) = default;
  };
  Found look() const noexcept;
  bool overwritten() const;
  std::filesystem::path beside(const char* suffix) const;

  const std::filesystem::path path_;  ///< as it was given
  const std::filesystem::path file_;
  Found opened_;
};

}  // namespace babilu::store
