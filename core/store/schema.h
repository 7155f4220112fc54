#pragma once

#include <span>
#include <string_view>

namespace babilu::store {

class Connection;

/// One step of a schema. It only adds: tables, indexes, columns with defaults. So programs of the
/// version before can keep using the file beside the new one, and an upgrade needs no downtime.
struct Migration {
  int version;           ///< 1, 2, 3 … without a gap
  std::string_view sql;  ///< any number of statements; runs once, in one transaction with the rest
  /// The oldest version of this schema whose programs still read and write the file rightly; 0: as
  /// before. Raised only where adding was not enough; a program looks when it opens the file, so
  /// older ones are stopped first.
  int min_reader = 0;
};

/// The tables of one component, under a name of its own, so that components which share a file are
/// upgraded apart from each other.
struct Schema {
  std::string_view name;
  std::span<const Migration> migrations;

  int version() const noexcept { return static_cast<int>(migrations.size()); }
};

/// Brings each schema up to its version: whoever opens the file first does it, the others find it
/// done. Needs the turn. Throws DatabaseError: newer_version if the file asks for a newer reader.
void migrate(Connection& connection, std::span<const Schema> schemas);

}  // namespace babilu::store
