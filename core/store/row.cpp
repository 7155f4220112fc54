#include "core/store/row.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include "core/store/error.h"

namespace babilu::store {

using namespace sqlite_api;

bool Row::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Row::integer(int column) const {
  expect(column, SQLITE_INTEGER, "is not an integer");
  return sqlite3_column_int64(statement_, column);
}

double Row::real(int column) const {
  if (sqlite3_column_type(statement_, column) != SQLITE_INTEGER) {
    expect(column, SQLITE_FLOAT, "is not a number");
  }
  return sqlite3_column_double(statement_, column);
}

std::string_view Row::text(int column) const {
  expect(column, SQLITE_TEXT, "is not a text");
  const auto* data = sqlite3_column_text(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return {reinterpret_cast<const char*>(data), size};
}

ByteView Row::blob(int column) const {
  expect(column, SQLITE_BLOB, "is not a blob");
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return {static_cast<const std::uint8_t*>(data), size};
}

void Row::copy_exactly(int column, MutableByteView out) const {
  const ByteView bytes = blob(column);
  if (bytes.size() != out.size()) fail(column, "does not have the right size");
  std::copy(bytes.begin(), bytes.end(), out.begin());
}

void Row::expect(int column, int type, const char* problem) const {
  if (sqlite3_column_type(statement_, column) != type) fail(column, problem);
}

void Row::fail(int column, const char* problem) const {
  const char* name = sqlite3_column_name(statement_, column);
  throw DatabaseError({ErrorCode::corrupt, "column " + std::to_string(column) + " (" +
                                               (name ? name : "none") + ") " + problem});
}

}  // namespace babilu::store
