#include "core/store/transaction.h"

namespace babilu::store {

namespace {

// After SQLite has ended the transaction, each further statement would commit by itself.
void require_transaction(const Connection& connection) {
  if (!connection.in_transaction()) {
    throw DatabaseError({ErrorCode::unavailable, "the transaction has ended"});
  }
}

}  // namespace

Cursor Snapshot::start(std::string_view sql, std::span<const Parameter> values) {
  require_transaction(connection_);
  return connection_.start(sql, values);
}

std::int64_t Snapshot::run(std::string_view sql, std::span<const Parameter> values) {
  require_transaction(connection_);
  return connection_.execute(sql, values);
}

}  // namespace babilu::store
