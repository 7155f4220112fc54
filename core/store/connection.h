#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/store/error.h"
#include "core/store/parameter.h"
#include "core/store/row.h"

namespace soci {
class session;
class statement;
}  // namespace soci
namespace sqlite_api {
struct sqlite3;
}

namespace babilu::store {

/// One execution of a prepared statement. Its destructor makes the statement ready for the next
/// one, which also ends its hold on a snapshot.
class Cursor {
 public:
  explicit Cursor(sqlite_api::sqlite3_stmt* statement) noexcept : statement_(statement) {}
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor();

  /// Moves to the next row; false after the last. Throws DatabaseError.
  bool next();
  Row row() const noexcept { return Row(statement_); }

 private:
  sqlite_api::sqlite3_stmt* statement_;
};

/// A connection to the SQLite file and its prepared statements. Internal to the store: roles see
/// Snapshot and Transaction.
///
/// SOCI 4.0 opens it, prepares and keeps the statements; values go in and out through SQLite's own
/// functions on SOCI's handles. Tried on 4.0.3: its SQLite backend stores an empty blob as NULL,
/// copies secrets into buffers that it does not wipe, and leaves a statement open on its snapshot
/// until it is executed again. Texts with NUL, and 64-bit integers, survive it. Preparing at each
/// call costs 3.7 µs for an insert, a kept statement 0.5 µs.
///
/// Thread: one at a time.
class Connection {
 public:
  enum class Mode { write, read };

  /// Opens or creates the file; nothing in it is read or changed yet. No checkpoint happens on its
  /// own, neither after a commit nor on closing: a checkpoint needs the turn (turn_lock.h).
  static StoreResult<std::unique_ptr<Connection>> open(const std::filesystem::path& path,
                                                       Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Starts one statement, prepared on first use. Throws DatabaseError; std::logic_error for more
  /// than one statement or the wrong number of values.
  Cursor start(std::string_view sql, std::span<const Parameter> values);
  /// Runs one statement to its end; the rows that it inserted, updated or deleted itself.
  std::int64_t execute(std::string_view sql, std::span<const Parameter> values = {});
  /// Runs any number of statements, not kept: migrations.
  void run_script(std::string_view sql);

  /// SQLite ends a transaction by itself when the disk is full or the file cannot be written.
  bool in_transaction() const noexcept;
  /// What went wrong last.
  StoreError last_error() const;
  /// Pages in the write-ahead log after the last commit of this connection.
  std::size_t wal_pages() const noexcept { return wal_pages_; }

  enum class Checkpoint {
    passive,  ///< as far as no reader is in the way
    restart,  ///< waits for readers so that the log starts over
    truncate  ///< and becomes an empty file
  };
  /// Copies the log into the file. Needs the turn. Throws DatabaseError; readers in the way are no
  /// error.
  void checkpoint(Checkpoint mode);

  /// The first 100 bytes (https://www.sqlite.org/fileformat.html §1.3), fewer if the file is
  /// shorter, through SQLite's own descriptor: closing another one would drop this process's locks.
  Bytes header() const;

 private:
  explicit Connection(std::unique_ptr<soci::session> session);
  sqlite_api::sqlite3_stmt* prepared(std::string_view sql);

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::unique_ptr<soci::session> session_;
  sqlite_api::sqlite3* handle_;
  std::unordered_map<std::string, std::unique_ptr<soci::statement>, TextHash, std::equal_to<>>
      statements_;
  std::size_t wal_pages_ = 0;
};

}  // namespace babilu::store
