#include "core/store/database_file.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/endian/conversion.hpp>

#include "core/base/private_file.h"
#include "core/store/transaction.h"

namespace babilu::store {

namespace {

// The layout of what this file itself keeps: babilu_file and babilu_schema.
constexpr int file_format = 1;
// With the NUL at its end (https://www.sqlite.org/fileformat.html, section 1.3).
constexpr std::string_view magic("SQLite format 3\0", 16);

StoreError error_about(const std::filesystem::path& path, ErrorCode code, std::string_view what) {
  return {code, "database " + path.string() + ": " + std::string(what)};
}

StoreResult<void> check_folder(const std::filesystem::path& path) {
  std::error_code error;
  const auto folder = std::filesystem::absolute(path).parent_path();
  if (!std::filesystem::is_directory(folder, error)) {
    return error_about(path, ErrorCode::invalid_path,
                       "the directory " + folder.string() +
                           " does not exist: create it, or configure another path");
  }
  if (std::filesystem::is_directory(path, error)) {
    return error_about(path, ErrorCode::invalid_path,
                       "this is a directory: configure the path of a file");
  }
  return {};
}

StoreError unwritable(const std::filesystem::path& path) {
  return error_about(path, ErrorCode::read_only,
                     "cannot be written: the file and its directory must be writable for this "
                     "user (SQLite keeps a log beside the file)");
}

StoreResult<void> check_existing(const std::filesystem::path& path) {
  if (::access(path.c_str(), R_OK | W_OK) != 0) return unwritable(path);
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || status.st_nlink < 2) return {};
  return error_about(path, ErrorCode::invalid_path,
                     "has several names (hard links), of which each would have a log and a lock of "
                     "its own: remove the others, or make a copy");
}

// Made by us, as SQLite would let everyone read it. Its log files get the same permissions.
StoreResult<void> ensure_exists(const std::filesystem::path& path) {
  const int created = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (created >= 0) {
    ::close(created);
    return {};
  }
  if (errno == EEXIST) return check_existing(path);
  if (errno == EACCES || errno == EROFS) return unwritable(path);
  return error_about(path, errno == ENOSPC ? ErrorCode::disk_full : ErrorCode::invalid_path,
                     std::strerror(errno));
}

// In the rollback journal's mode, so that the header is in the file itself from the first commit
// on, and never in the log alone.
void make_new(Connection& connection, std::string_view kind) {
  connection.run_script(
      "begin immediate; pragma application_id = " + std::to_string(application_id) +
      "; pragma user_version = " + std::to_string(file_format) +
      "; create table babilu_file (kind text not null) strict;"
      "create table babilu_schema (name text primary key, version integer not "
      "null, min_reader integer not null) strict, without rowid;");
  const Parameter values[] = {kind};
  connection.execute("insert into babilu_file (kind) values (?)", values);
  connection.execute("commit");
}

StoreResult<void> check_header(const std::filesystem::path& path, const Connection& connection) {
  const Bytes header = connection.header();
  if (header.empty()) return {};
  const bool database = header.size() == 100 && text_of(header).starts_with(magic);
  if (!database) {
    return error_about(path, ErrorCode::not_a_database,
                       "is another kind of file: configure another path, or move it away");
  }
  if (boost::endian::load_big_u32(&header[68]) != application_id) {
    return error_about(path, ErrorCode::foreign,
                       "is a SQLite database of another program: configure another path");
  }
  if (boost::endian::load_big_u32(&header[60]) > file_format) {
    return error_about(path, ErrorCode::newer_version,
                       "was made by a newer version: use a newer program");
  }
  return {};
}

StoreResult<void> check_kind(const std::filesystem::path& path, Connection& connection,
                             std::string_view kind) {
  connection.execute("begin");
  const auto found = Snapshot(connection).find<std::string>("select kind from babilu_file");
  connection.execute("commit");
  if (found == kind) return {};
  return error_about(path, ErrorCode::foreign,
                     "belongs to a " + found.value_or("nobody") + ", not to a " +
                         std::string(kind) + ": configure another path");
}

void set_durable(Connection& connection) {
  connection.run_script("pragma synchronous = full; pragma temp_store = memory");
}

void use_write_ahead_log(Connection& connection) {
  Cursor cursor = connection.start("pragma journal_mode = wal", {});
  if (cursor.next() && cursor.row().text(0) == "wal") return;
  throw DatabaseError({ErrorCode::invalid_path,
                       "its file system cannot share memory between processes, which the "
                       "write-ahead log needs: use a local one"});
}

StoreResult<void> prepare(const std::filesystem::path& path, Connection& connection,
                          std::string_view kind, std::span<const Schema> schemas) {
  try {
    if (connection.header().empty()) make_new(connection, kind);
    set_durable(connection);
    auto right_kind = check_kind(path, connection, kind);
    if (!right_kind) return right_kind;
    use_write_ahead_log(connection);
    migrate(connection, schemas);
    // So that the file alone is a database of its kind, for whoever copies it.
    connection.checkpoint(Connection::Checkpoint::truncate);
    return {};
  } catch (const DatabaseError& error) {
    if (error.code() == ErrorCode::read_only) return unwritable(path);
    return error_about(path, error.code(), error.error().message);
  }
}

/// An empty file is new, or being made right now.
StoreResult<std::unique_ptr<Connection>> open_checked(const std::filesystem::path& path) {
  if (auto exists = ensure_exists(path); !exists) return exists.error();
  auto connection = Connection::open(path, Connection::Mode::write);
  if (!connection) return connection;
  if (auto checked = check_header(path, **connection); !checked) return checked.error();
  return connection;
}

}  // namespace

StoreResult<DatabaseFile> open_database_file(const std::filesystem::path& path,
                                             std::string_view kind, std::span<const Schema> schemas,
                                             std::chrono::milliseconds patience) {
  if (auto checked = check_folder(path); !checked) return checked.error();
  auto files = std::make_unique<OpenFiles>(path);
  const std::filesystem::path& file = files->file();
  // Before anything is written beside the file.
  if (file_at(file).exists()) {
    auto connection = open_checked(file);
    if (!connection) return connection.error();
  }
  auto turn = TurnLock::open(files->lock_file());
  if (!turn) return turn.error().code == ErrorCode::read_only ? unwritable(path) : turn.error();
  if (!(*turn)->acquire(std::chrono::steady_clock::now() + patience)) {
    return error_about(path, ErrorCode::unavailable,
                       "another process keeps it locked: is one stopped or stuck?");
  }
  if (auto may = files->may_open(**turn); !may) return may.error();
  auto connection = open_checked(file);
  if (!connection) return connection.error();
  if (auto open = open_to_everybody(file)) {
    return error_about(path, ErrorCode::invalid_path, *open);
  }
  files->will_write(**turn);
  if (auto prepared = prepare(path, **connection, kind, schemas); !prepared) {
    return prepared.error();
  }
  files->opened(**turn);
  (*turn)->release();
  return DatabaseFile{std::move(files), std::move(*turn), std::move(*connection)};
}

StoreResult<std::unique_ptr<Connection>> reopen(const std::filesystem::path& path,
                                                Connection::Mode mode) {
  auto connection = Connection::open(path, mode);
  if (!connection) return connection;
  try {
    set_durable(**connection);
    return connection;
  } catch (const DatabaseError& error) {
    return error.error();
  }
}

}  // namespace babilu::store
