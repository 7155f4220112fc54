#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "core/base/bytes.h"

namespace babilu::store {

/// A point in time as the database keeps it: milliseconds since 1970, an integer.
using WallTime = std::chrono::system_clock::time_point;

/// A value for one `?` of a statement. It refers to the caller's bytes, so it is made in the call.
///
/// Integers, bool, enumerations and times become INTEGER, double REAL, texts TEXT (any bytes, also
/// NUL), byte strings BLOB, an empty optional NULL. An unsigned value above 2⁶³−1 is stored as the
/// negative number with the same bits, and read back as what it was.
class Parameter {
 public:
  enum class Kind : std::uint8_t { null, integer, real, text, blob };

  Parameter(std::nullopt_t) noexcept {}
  template <class T>
    requires(std::integral<T> || std::is_enum_v<T>)
  Parameter(T value) noexcept : kind_(Kind::integer), integer_(static_cast<std::int64_t>(value)) {}
  Parameter(double value) noexcept : kind_(Kind::real), real_(value) {}
  Parameter(WallTime value) noexcept
      : kind_(Kind::integer),
        integer_(std::chrono::floor<std::chrono::milliseconds>(value.time_since_epoch()).count()) {}
  template <class T>
    requires std::convertible_to<const T&, std::string_view>
  Parameter(const T& value) noexcept : kind_(Kind::text), bytes_(bytes_of(value)) {}
  template <class T>
    requires(std::convertible_to<const T&, ByteView> &&
             !std::convertible_to<const T&, std::string_view>)
  Parameter(const T& value) noexcept : kind_(Kind::blob), bytes_(value) {}
  template <class T>
  Parameter(const std::optional<T>& value) noexcept
      : Parameter(value ? Parameter(*value) : Parameter(std::nullopt)) {}

  Kind kind() const noexcept { return kind_; }
  std::int64_t integer() const noexcept { return integer_; }
  double real() const noexcept { return real_; }
  ByteView bytes() const noexcept { return bytes_; }  ///< of a text or a blob

 private:
  Kind kind_ = Kind::null;
  std::int64_t integer_ = 0;
  double real_ = 0;
  ByteView bytes_;
};

}  // namespace babilu::store
