#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "core/store/connection.h"
#include "core/store/error.h"
#include "core/store/open_files.h"
#include "core/store/schema.h"
#include "core/store/turn_lock.h"

namespace babilu::store {

/// SQLite's application_id of every file that a Store made: "BABL".
inline constexpr std::uint32_t application_id = 0x4241424C;

/// A file that is open for writing, and the lock that goes with it.
struct DatabaseFile {
  std::unique_ptr<OpenFiles> files;
  std::unique_ptr<TurnLock> turn;
  std::unique_ptr<Connection> connection;
};

/// Opens, or makes, the database at `path`, of the named kind, and brings its schemas up to date.
/// Waits at most `patience` for its turn. A file that is not such a database is refused and left
/// as it was; the message says what to do.
StoreResult<DatabaseFile> open_database_file(const std::filesystem::path& path,
                                             std::string_view kind, std::span<const Schema> schemas,
                                             std::chrono::milliseconds patience);

/// A further connection, or one in the place of one that failed, to a file that is open already.
StoreResult<std::unique_ptr<Connection>> reopen(const std::filesystem::path& path,
                                                Connection::Mode mode);

}  // namespace babilu::store
