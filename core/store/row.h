#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "core/base/bytes.h"
#include "core/store/parameter.h"

namespace sqlite_api {
struct sqlite3_stmt;
}

namespace babilu::store {

/// The row that a statement stands on. What it gives out is valid until the statement moves on.
///
/// Strict: a value of another type than the one asked for, or NULL, throws DatabaseError(corrupt)
/// rather than being converted into something that looks right.
class Row {
 public:
  explicit Row(sqlite_api::sqlite3_stmt* statement) noexcept : statement_(statement) {}

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;  ///< of a REAL or an INTEGER
  std::string_view text(int column) const;
  ByteView blob(int column) const;

  /// One column as T: an integer type, bool, an enumeration, double, std::string, Bytes, Secret,
  /// std::array of bytes (of exactly that size), WallTime, or std::optional of one of them.
  template <class T>
  T get(int column) const {
    if constexpr (is_optional<T>) {
      if (is_null(column)) return std::nullopt;
      return get<typename T::value_type>(column);
    } else if constexpr (std::is_enum_v<T>) {
      return static_cast<T>(get<std::underlying_type_t<T>>(column));
    } else if constexpr (std::same_as<T, bool>) {
      return integer(column) != 0;
    } else if constexpr (std::integral<T>) {
      return narrow<T>(column);
    } else if constexpr (std::floating_point<T>) {
      return static_cast<T>(real(column));
    } else if constexpr (std::same_as<T, std::string>) {
      return std::string(text(column));
    } else if constexpr (std::same_as<T, WallTime>) {
      return WallTime(std::chrono::milliseconds(integer(column)));
    } else if constexpr (is_byte_array<T>) {
      T out;
      copy_exactly(column, out);
      return out;
    } else {
      static_assert(std::same_as<T, Bytes> || std::same_as<T, Secret>, "not a column type");
      const ByteView bytes = blob(column);
      return T(bytes.begin(), bytes.end());
    }
  }

 private:
  template <class T>
  static constexpr bool is_optional = false;
  template <class T>
  static constexpr bool is_optional<std::optional<T>> = true;
  template <class T>
  static constexpr bool is_byte_array = false;
  template <std::size_t size>
  static constexpr bool is_byte_array<std::array<std::uint8_t, size>> = true;

  template <std::integral T>
  T narrow(int column) const {
    const std::int64_t value = integer(column);
    const T narrowed = static_cast<T>(value);
    // 64 bits unsigned take any bits, as Parameter stores them.
    if (sizeof(T) < sizeof(value) && static_cast<std::int64_t>(narrowed) != value) {
      fail(column, "is out of range");
    }
    return narrowed;
  }
  void copy_exactly(int column, MutableByteView out) const;
  [[noreturn]] void fail(int column, const char* problem) const;
  void expect(int column, int type, const char* problem) const;

  sqlite_api::sqlite3_stmt* statement_;
};

namespace detail {

template <class... Columns>
struct RowType {
  using type = std::tuple<Columns...>;
};
template <class Column>
struct RowType<Column> {
  using type = Column;
};

template <class... Columns>
typename RowType<Columns...>::type read_row(const Row& row) {
  // Braces, so that columns are read from left to right.
  return [&]<int... column>(std::integer_sequence<int, column...>) {
    return typename RowType<Columns...>::type{row.get<Columns>(column)...};
  }(std::make_integer_sequence<int, static_cast<int>(sizeof...(Columns))>{});
}

}  // namespace detail

/// What a query for these columns gives for each row: the value itself for one, else a tuple.
template <class... Columns>
using RowOf = typename detail::RowType<Columns...>::type;

}  // namespace babilu::store
