#include "core/store/schema.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/store/transaction.h"

namespace babilu::store {

namespace {

void check(const Schema& schema) {
  int expected = 0;
  for (const Migration& step : schema.migrations) {
    if (step.version != ++expected || step.min_reader > step.version) {
      throw std::logic_error("schema " + std::string(schema.name) +
                             ": migrations must be numbered 1, 2, 3 …");
    }
  }
}

void migrate_one(Connection& connection, const Schema& schema) {
  check(schema);
  Transaction transaction(connection);
  transaction.execute(
      "insert into babilu_schema (name, version, min_reader) values (?, 0, 0) on conflict do "
      "nothing",
      schema.name);
  auto [version, min_reader] = *transaction.find<int, int>(
      "select version, min_reader from babilu_schema where name = ?", schema.name);
  if (min_reader > schema.version()) {
    throw DatabaseError(
        {ErrorCode::newer_version,
         "its " + std::string(schema.name) + " tables (version " + std::to_string(version) +
             ") need a program that knows at least version " + std::to_string(min_reader) +
             ", this one knows " + std::to_string(schema.version()) + ": use a newer program"});
  }
  for (const Migration& step : schema.migrations) {
    if (step.version <= version) continue;
    connection.run_script(step.sql);
    if (step.min_reader > min_reader) min_reader = step.min_reader;
    transaction.execute("update babilu_schema set version = ?, min_reader = ? where name = ?",
                        step.version, min_reader, schema.name);
  }
}

/// Of two with one name the second would find its version reached, and its tables missing.
void check_names(std::span<const Schema> schemas) {
  for (const Schema& schema : schemas) {
    if (std::ranges::count(schemas, schema.name, &Schema::name) == 1) continue;
    throw std::logic_error("schema " + std::string(schema.name) + " is there twice");
  }
}

}  // namespace

void migrate(Connection& connection, std::span<const Schema> schemas) {
  check_names(schemas);
  connection.execute("begin immediate");
  try {
    for (const Schema& schema : schemas) migrate_one(connection, schema);
    connection.execute("commit");
  } catch (...) {
    if (connection.in_transaction()) connection.execute("rollback");
    throw;
  }
}

}  // namespace babilu::store
