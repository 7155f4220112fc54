#include "core/store/connection.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

namespace babilu::store {

using namespace sqlite_api;

namespace {

// Statement texts are literals of the roles; more than this means that someone builds them.
constexpr std::size_t most_statements = 512;
// Other programs may hold SQLite's own locks for a moment; Babilu's own wait for their turn
// instead.
constexpr int busy_milliseconds = 250;
constexpr std::size_t header_bytes = 100;

ErrorCode code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorCode::constraint;
    case SQLITE_FULL:
      return ErrorCode::disk_full;
    case SQLITE_CORRUPT:
      return ErrorCode::corrupt;
    case SQLITE_NOTADB:
      return ErrorCode::not_a_database;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ErrorCode::read_only;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
      return ErrorCode::unavailable;
    default:
      return ErrorCode::internal;
  }
}

StoreError error_of(sqlite3* handle) {
  const int result = sqlite3_extended_errcode(handle);
  std::string message = sqlite3_errmsg(handle);
  const bool of_system = (result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN;
  if (const int error = sqlite3_system_errno(handle); of_system && error != 0) {
    message += std::string(" (") + std::strerror(error) + ")";
  }
  return {code_of(result), std::move(message)};
}

[[noreturn]] void fail(sqlite3* handle) {
  throw DatabaseError(error_of(handle));
}

int bind(sqlite3_stmt* statement, int position, const Parameter& value) {
  const ByteView bytes = value.bytes();
  switch (value.kind()) {
    case Parameter::Kind::null:
      return sqlite3_bind_null(statement, position);
    case Parameter::Kind::integer:
      return sqlite3_bind_int64(statement, position, value.integer());
    case Parameter::Kind::real:
      return sqlite3_bind_double(statement, position, value.real());
    case Parameter::Kind::text:
      return sqlite3_bind_text64(statement, position,
                                 bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data()),
                                 bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
    case Parameter::Kind::blob:
      // A null pointer would be NULL, which is not the same as no bytes.
      return bytes.empty() ? sqlite3_bind_zeroblob(statement, position, 0)
                           : sqlite3_bind_blob64(statement, position, bytes.data(), bytes.size(),
                                                 SQLITE_STATIC);
  }
  return SQLITE_MISUSE;
}

int sqlite_mode(Connection::Checkpoint mode) {
  switch (mode) {
    case Connection::Checkpoint::passive:
      return SQLITE_CHECKPOINT_PASSIVE;
    case Connection::Checkpoint::restart:
      return SQLITE_CHECKPOINT_RESTART;
    case Connection::Checkpoint::truncate:
      return SQLITE_CHECKPOINT_TRUNCATE;
  }
  return SQLITE_CHECKPOINT_PASSIVE;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n;") == std::string_view::npos;
}

}  // namespace

Cursor::~Cursor() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);  // they point to bytes of the caller
}

bool Cursor::next() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  fail(sqlite3_db_handle(statement_));
}

StoreResult<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& path,
                                                          Mode mode) {
  // Absolute, so that names such as ":memory:" and "file:..." mean files.
  const std::string name = std::filesystem::absolute(path).string();
  if (name.find('"') != std::string::npos) {
    return StoreError(ErrorCode::invalid_path, name + ": a quotation mark cannot be in the name");
  }
  try {
    auto session = std::make_unique<soci::session>(soci::sqlite3, "db=\"" + name + "\"");
    std::unique_ptr<Connection> connection(new Connection(std::move(session)));
    if (mode == Mode::read) connection->run_script("pragma query_only = on");
    return connection;
  } catch (const soci::soci_error& error) {
    return StoreError(ErrorCode::invalid_path, name + ": " + error.what());
  }
}

Connection::Connection(std::unique_ptr<soci::session> session)
    : session_(std::move(session)),
      handle_(static_cast<soci::sqlite3_session_backend*>(session_->get_backend())->conn_) {
  assert(handle_ != nullptr);
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, busy_milliseconds);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Views and triggers of a file that someone prepared get no dangerous functions.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  // A hook of one's own also takes the place of the automatic checkpoint.
  sqlite3_wal_hook(
      handle_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Connection*>(self)->wal_pages_ = static_cast<std::size_t>(pages);
        return SQLITE_OK;
      },
      this);
}

Connection::~Connection() = default;

sqlite3_stmt* Connection::prepared(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    if (statements_.size() >= most_statements) statements_.clear();
    auto statement = std::make_unique<soci::statement>(*session_);
    statement->alloc();
    try {
      statement->prepare(std::string(sql));
    } catch (const soci::soci_error&) {
      fail(handle_);
    }
    auto* raw = static_cast<soci::sqlite3_statement_backend*>(statement->get_backend())->stmt_;
    // SQLite prepares the first statement of a text and ignores the rest.
    if (raw == nullptr || !is_blank(sql.substr(std::string_view(sqlite3_sql(raw)).size()))) {
      throw std::logic_error("not exactly one statement: " + std::string(sql));
    }
    found = statements_.emplace(sql, std::move(statement)).first;
  }
  return static_cast<soci::sqlite3_statement_backend*>(found->second->get_backend())->stmt_;
}

Cursor Connection::start(std::string_view sql, std::span<const Parameter> values) {
  sqlite3_stmt* const statement = prepared(sql);
  if (sqlite3_stmt_busy(statement)) {
    throw std::logic_error("statement used inside itself: " + std::string(sql));
  }
  if (std::cmp_not_equal(sqlite3_bind_parameter_count(statement), values.size())) {
    throw std::logic_error("wrong number of values for: " + std::string(sql));
  }
  int position = 0;
  for (const Parameter& value : values) {
    if (bind(statement, ++position, value) != SQLITE_OK) fail(handle_);
  }
  return Cursor(statement);
}

std::int64_t Connection::execute(std::string_view sql, std::span<const Parameter> values) {
  Cursor cursor = start(sql, values);
  while (cursor.next()) continue;
  return sqlite3_changes64(handle_);
}

void Connection::run_script(std::string_view sql) {
  if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail(handle_);
  }
}

bool Connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(handle_) == 0;
}

StoreError Connection::last_error() const {
  return error_of(handle_);
}

void Connection::checkpoint(Checkpoint mode) {
  int pages = 0;
  const int result = sqlite3_wal_checkpoint_v2(handle_, "main", sqlite_mode(mode), &pages, nullptr);
  if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY) fail(handle_);
  if (pages >= 0) wal_pages_ = static_cast<std::size_t>(pages);
}

Bytes Connection::header() const {
  sqlite3_file* file = nullptr;
  sqlite3_int64 size = 0;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
  if (file == nullptr || file->pMethods == nullptr) return {};
  if (file->pMethods->xFileSize(file, &size) != SQLITE_OK) return {};
  Bytes bytes(std::min<std::size_t>(header_bytes, static_cast<std::size_t>(size)));
  // A short read fills up with zeros, which is no header either.
  file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), 0);
  return bytes;
}

}  // namespace babilu::store
