#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/store/connection.h"
#include "core/store/parameter.h"
#include "core/store/row.h"

namespace babilu::store {

/// The database at one moment, unchanging while it is looked at. What a unit that reads gets.
///
///   auto name = snapshot.find<std::string>("select name from account where id = ?", id);
///   for (auto& [id, body] : snapshot.query<std::int64_t, Bytes>("select id, body from ..."))
///
/// Statements are prepared once for each connection, by their text: let it be a literal, and pass
/// what varies as values. What is read is copied out; wrap queries that may match much in a limit.
/// Throws DatabaseError, which a unit lets pass. Thread: the one that the unit runs on.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection) noexcept : connection_(connection) {}

  /// The first row, if there is one.
  template <class... Columns, class... Values>
  std::optional<RowOf<Columns...>> find(std::string_view sql, const Values&... values) {
    const std::array<Parameter, sizeof...(Values)> parameters{Parameter(values)...};
    Cursor cursor = start(sql, parameters);
    if (!cursor.next()) return std::nullopt;
    return detail::read_row<Columns...>(cursor.row());
  }

  /// Every row.
  template <class... Columns, class... Values>
  std::vector<RowOf<Columns...>> query(std::string_view sql, const Values&... values) {
    const std::array<Parameter, sizeof...(Values)> parameters{Parameter(values)...};
    Cursor cursor = start(sql, parameters);
    std::vector<RowOf<Columns...>> rows;
    while (cursor.next()) rows.push_back(detail::read_row<Columns...>(cursor.row()));
    return rows;
  }

 protected:
  Cursor start(std::string_view sql, std::span<const Parameter> values);
  std::int64_t run(std::string_view sql, std::span<const Parameter> values);

 private:
  Connection& connection_;
};

/// What a unit that writes gets. It sees what the units before it in the same group have done, all
/// of which is committed, or not, together with it. For `insert … returning`, use find.
class Transaction : public Snapshot {
 public:
  using Snapshot::Snapshot;

  /// Runs an insert, update or delete; the number of rows that it changed itself.
  template <class... Values>
  std::int64_t execute(std::string_view sql, const Values&... values) {
    const std::array<Parameter, sizeof...(Values)> parameters{Parameter(values)...};
    return run(sql, parameters);
  }
};

}  // namespace babilu::store
