#pragma once

#include <charconv>
#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace babilu::config {

/// A size in bytes: "256KiB", "10MB", "1GiB", or a plain number of bytes.
struct ByteSize {
  std::uint64_t bytes = 0;
  friend auto operator<=>(const ByteSize&, const ByteSize&) = default;
};

/// Text without a type: one part from an environment variable, as many from the command line as the
/// flag was given times.
struct Untyped {
  std::vector<std::string> parts;
};
/// Something in a file that no option can be, by its description: "a table".
struct Unusable {
  std::string description;
};
/// A value as a source holds it, before an option gives it a type. The others are TOML's types.
using RawValue = std::variant<Untyped, std::string, std::int64_t, double, bool,
                              std::vector<std::string>, Unusable>;

/// What was found, for an error: quoted, shortened, without control characters.
std::string describe(const RawValue& raw);

/// A value, or why there is none; an empty problem means that the found value itself is wrong.
template <class T>
struct Parsed {
  std::optional<T> value;
  std::string problem;
};

// The readers behind Codec, one for each kind of value. An integer is read as its sign and size, so
// that every integral type fits.
struct WideInteger {
  bool negative = false;
  std::uint64_t magnitude = 0;
};
Parsed<WideInteger> read_integer(const RawValue& raw);
Parsed<double> read_real(const RawValue& raw);
Parsed<bool> read_boolean(const RawValue& raw);
Parsed<std::string> read_string(const RawValue& raw);
Parsed<std::vector<std::string>> read_list(const RawValue& raw);
Parsed<ByteSize> read_byte_size(const RawValue& raw);
/// A century. Nothing that is added to a time of any clock here leaves its range.
inline constexpr std::chrono::nanoseconds longest_duration = std::chrono::hours(24 * 36'500);
/// "250ms", "10s", "1h30m", "1.5s"; units ns, us, ms, s, m, h, d; at most longest_duration.
Parsed<std::chrono::nanoseconds> read_duration(const RawValue& raw);

/// TOML forms; each is read back as the same value.
std::string print_string(std::string_view text);
std::string print_list(const std::vector<std::string>& list);
std::string print_real(double value);
std::string print_byte_size(ByteSize size);                 // without quotes: 256KiB
std::string print_duration(std::chrono::nanoseconds time);  // without quotes: 1h30m

/// How a type is read, described and printed as TOML.
template <class T>
struct Codec;

template <std::integral T>
  requires(!std::same_as<T, bool>)
struct Codec<T> {
  static Parsed<T> read(const RawValue& raw) {
    const Parsed<WideInteger> wide = read_integer(raw);
    if (!wide.value) return {std::nullopt, wide.problem};
    const auto [negative, magnitude] = *wide.value;
    if (!negative || magnitude == 0) {
      if (!std::in_range<T>(magnitude)) return {};
      return {static_cast<T>(magnitude), {}};
    }
    // The least value of a signed type is one further from zero than the greatest.
    constexpr auto least = static_cast<std::uint64_t>(std::numeric_limits<T>::max()) + 1;
    if (std::is_unsigned_v<T> || magnitude > least) return {};
    return {static_cast<T>(-static_cast<std::int64_t>(magnitude - 1) - 1), {}};
  }
  static std::string noun() { return "a whole number"; }
  static std::string expected() {
    return noun() + " from " + print(std::numeric_limits<T>::min()) + " to " +
           print(std::numeric_limits<T>::max());
  }
  static std::string print(T value) { return std::to_string(value); }
};

template <>
struct Codec<bool> {
  static Parsed<bool> read(const RawValue& raw) { return read_boolean(raw); }
  static std::string expected() { return "true or false"; }
  static std::string print(bool value) { return value ? "true" : "false"; }
};

template <>
struct Codec<double> {
  static Parsed<double> read(const RawValue& raw) { return read_real(raw); }
  static std::string noun() { return "a number"; }
  static std::string expected() { return noun(); }
  static std::string print(double value) { return print_real(value); }
};

template <>
struct Codec<std::string> {
  static Parsed<std::string> read(const RawValue& raw) { return read_string(raw); }
  static std::string expected() { return "a text"; }
  static std::string print(const std::string& value) { return print_string(value); }
};

template <>
struct Codec<std::filesystem::path> {
  static Parsed<std::filesystem::path> read(const RawValue& raw) {
    Parsed<std::string> text = read_string(raw);
    if (!text.value) return {std::nullopt, text.problem};
    return {std::filesystem::path(*text.value), {}};
  }
  static std::string expected() { return "a path"; }
  static std::string print(const std::filesystem::path& value) {
    return print_string(value.string());
  }
};

template <>
struct Codec<std::vector<std::string>> {
  static Parsed<std::vector<std::string>> read(const RawValue& raw) { return read_list(raw); }
  static std::string expected() { return "a list of texts"; }
  static std::string print(const std::vector<std::string>& value) { return print_list(value); }
};

template <>
struct Codec<ByteSize> {
  static Parsed<ByteSize> read(const RawValue& raw) { return read_byte_size(raw); }
  static std::string noun() { return "a size"; }
  static std::string expected() { return "a size such as \"256KiB\" or \"10MB\""; }
  static std::string print(ByteSize value) { return '"' + print_byte_size(value) + '"'; }
};

template <class Period>
struct Codec<std::chrono::duration<std::int64_t, Period>> {
  using Duration = std::chrono::duration<std::int64_t, Period>;

  static Parsed<Duration> read(const RawValue& raw) {
    const Parsed<std::chrono::nanoseconds> exact = read_duration(raw);
    if (!exact.value) return {std::nullopt, exact.problem};
    const auto value = std::chrono::duration_cast<Duration>(*exact.value);
    if (value != *exact.value) {
      return {std::nullopt, "finer than " + print_duration(Duration(1)) + ", its unit"};
    }
    return {value, {}};
  }
  static std::string noun() { return "a duration"; }
  static std::string expected() { return "a duration such as \"250ms\", \"10s\" or \"1h30m\""; }
  static std::string print(Duration value) { return '"' + print_duration(value) + '"'; }
};

/// Not set by default; printed as a comment then.
template <class T>
struct Codec<std::optional<T>> {
  static Parsed<std::optional<T>> read(const RawValue& raw) {
    Parsed<T> parsed = Codec<T>::read(raw);
    if (!parsed.value) return {std::nullopt, parsed.problem};
    return {std::move(parsed.value), {}};
  }
  static std::string expected() { return Codec<T>::expected(); }
  static std::string print(const std::optional<T>& value) {
    return value ? Codec<T>::print(*value) : std::string();
  }
};

}  // namespace babilu::config
