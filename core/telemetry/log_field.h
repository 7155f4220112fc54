#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/bytes.h"

namespace babilu::telemetry {

/// A key and a reference to a value: it costs nothing until a line is written, so it lives no
/// longer than the call it is an argument of. Made by field().
class Field {
 public:
  enum class Kind : std::uint8_t { text, integer, natural, real, boolean, rendered };

  std::string_view key;
  Kind kind = Kind::text;
  union {
    std::int64_t integer = 0;
    std::uint64_t natural;
    double real;
    bool boolean;
    const void* object;
  };
  std::string_view text;
  std::string (*render)(const void* object) = nullptr;
};

namespace detail {

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <class T>
concept StringLike = std::convertible_to<const T&, std::string_view>;
template <class T>
concept HasString = requires(const T& v) {
  { v.string() } -> std::convertible_to<std::string_view>;
};
template <class T>
concept HasToString = requires(const T& v) {
  { v.to_string() } -> std::convertible_to<std::string_view>;
};
template <class T>
concept FreeToString = requires(const T& v) {
  { to_string(v) } -> std::convertible_to<std::string_view>;
};
template <class T>
concept HasMessage = requires(const T& v) {
  { v.message() } -> std::convertible_to<std::string_view>;
};

template <class T>
std::string render(const void* object) {
  const T& value = *static_cast<const T*>(object);
  if constexpr (HasString<T>) {
    return std::string(value.string());
  } else if constexpr (HasMessage<T>) {
    return std::string(value.message());  // to_string() of an error code is "system:24"
  } else if constexpr (HasToString<T>) {
    return std::string(value.to_string());
  } else {
    return std::string(to_string(value));
  }
}

}  // namespace detail

/// What can be logged: numbers, bool, text, durations (as seconds, like in the metrics), and what
/// renders itself: string() (paths), to_string() as member or found by its namespace, message()
/// (error codes). Raw bytes cannot: encode them first. Secrets cannot at all.
template <class T>
concept Loggable = !std::same_as<T, Secret> &&
                   (std::is_arithmetic_v<T> || detail::is_duration<T> || detail::StringLike<T> ||
                    detail::HasString<T> || detail::HasToString<T> || detail::FreeToString<T> ||
                    detail::HasMessage<T>);

/// A secret is never logged.
Field field(std::string_view key, const Secret& value) = delete;

template <Loggable T>
Field field(std::string_view key, const T& value) {
  Field made;
  made.key = key;
  if constexpr (std::same_as<T, bool>) {
    made.kind = Field::Kind::boolean;
    made.boolean = value;
  } else if constexpr (std::same_as<T, char>) {
    made.text = std::string_view(&value, 1);
  } else if constexpr (std::signed_integral<T>) {
    made.kind = Field::Kind::integer;
    made.integer = value;
  } else if constexpr (std::unsigned_integral<T>) {
    made.kind = Field::Kind::natural;
    made.natural = value;
  } else if constexpr (std::floating_point<T>) {
    made.kind = Field::Kind::real;
    made.real = static_cast<double>(value);
  } else if constexpr (detail::is_duration<T>) {
    made.kind = Field::Kind::real;
    made.real = std::chrono::duration<double>(value).count();
  } else if constexpr (detail::StringLike<T>) {
    made.text = value;
  } else {
    made.kind = Field::Kind::rendered;
    made.object = &value;
    made.render = &detail::render<T>;
  }
  return made;
}

}  // namespace babilu::telemetry
