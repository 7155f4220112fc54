#include <fmt/format.h>

#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>

#include "core/config/value.h"

namespace babilu::config {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

// The greatest first: printing takes the first that divides.
constexpr std::array<Unit, 7> time_units = {{{"d", 86'400'000'000'000},
                                             {"h", 3'600'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"s", 1'000'000'000},
                                             {"ms", 1'000'000},
                                             {"us", 1'000},
                                             {"ns", 1}}};
constexpr std::array<Unit, 10> size_units = {{{"TiB", std::uint64_t{1} << 40},
                                              {"TB", 1'000'000'000'000},
                                              {"GiB", 1 << 30},
                                              {"GB", 1'000'000'000},
                                              {"MiB", 1 << 20},
                                              {"MB", 1'000'000},
                                              {"KiB", 1 << 10},
                                              {"kB", 1'000},
                                              {"KB", 1'000},
                                              {"B", 1}}};

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

std::string_view take_while(std::string_view& text, bool (*belongs)(char)) {
  std::size_t end = 0;
  while (end < text.size() && belongs(text[end])) ++end;
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr std::uint64_t too_much = std::numeric_limits<std::uint64_t>::max();

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  std::uint64_t total = 0;
  return __builtin_add_overflow(a, b, &total) ? too_much : total;
}
std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t total = 0;
  return __builtin_mul_overflow(a, b, &total) ? too_much : total;
}

std::uint64_t number_of(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char digit : digits) {
    number = sum(product(number, 10), static_cast<std::uint64_t>(digit - '0'));
  }
  return number;
}

/// "12" or "1.5" of a unit, exactly: nothing when the result is not whole, too_much when it does
/// not fit.
std::optional<std::uint64_t> scaled(std::string_view whole, std::string_view fraction,
                                    std::uint64_t unit) {
  if (fraction.size() > 18) return std::nullopt;
  std::uint64_t power = 1;
  for (std::size_t i = 0; i < fraction.size(); ++i) power *= 10;
  const std::uint64_t ones = number_of(whole);
  const std::uint64_t parts = number_of(fraction);

  // parts × unit ÷ power without a larger type: their common factor goes first.
  const std::uint64_t common = std::gcd(unit, power);
  if (parts % (power / common) != 0) return std::nullopt;
  return sum(product(ones, unit), parts / (power / common) * (unit / common));
}

/// Cuts a number with its unit off the text and returns it in the smallest unit.
template <std::size_t N>
std::optional<std::uint64_t> take_quantity(std::string_view& text,
                                           const std::array<Unit, N>& units) {
  const std::string_view whole = take_while(text, is_digit);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_while(text, is_digit);
    if (fraction.empty()) return std::nullopt;
  }
  const Unit* unit = find_unit(units, take_while(text, is_letter));
  if (whole.empty() || unit == nullptr) return std::nullopt;
  return scaled(whole, fraction, unit->size);
}

Parsed<std::string> text_of_quantity(const RawValue& raw) {
  Parsed<std::string> text = read_string(raw);
  if (text.value && text.value->size() > 64) return {};
  return text;
}

}  // namespace

Parsed<ByteSize> read_byte_size(const RawValue& raw) {
  if (const Parsed<WideInteger> plain = read_integer(raw); plain.value) {
    if (plain.value->negative && plain.value->magnitude != 0) return {};
    if (plain.value->magnitude == too_much) return {};
    return {ByteSize{plain.value->magnitude}, {}};
  }
  const Parsed<std::string> text = text_of_quantity(raw);
  if (!text.value) return {std::nullopt, text.problem};
  std::string_view rest = *text.value;
  const auto bytes = take_quantity(rest, size_units);
  if (!bytes || *bytes == too_much || !rest.empty()) return {};
  return {ByteSize{*bytes}, {}};
}

Parsed<std::chrono::nanoseconds> read_duration(const RawValue& raw) {
  const Parsed<std::string> text = text_of_quantity(raw);
  if (!text.value) {
    const bool number = std::holds_alternative<std::int64_t>(raw);
    return {std::nullopt, number ? "without a unit" : text.problem};
  }
  std::string_view rest = *text.value;
  std::uint64_t total = 0;
  do {
    const auto part = take_quantity(rest, time_units);
    if (!part) return {};
    total = sum(total, *part);
  } while (!rest.empty());
  if (std::cmp_greater(total, longest_duration.count())) {
    return {std::nullopt, "longer than " + print_duration(longest_duration)};
  }
  return {std::chrono::nanoseconds(total), {}};
}

std::string print_byte_size(ByteSize size) {
  for (const Unit& unit : size_units) {
    const bool binary_or_one = unit.name.size() != 2;
    if (binary_or_one && size.bytes >= unit.size && size.bytes % unit.size == 0) {
      return fmt::format("{}{}", size.bytes / unit.size, unit.name);
    }
  }
  return "0B";
}

std::string print_duration(std::chrono::nanoseconds time) {
  std::string out;
  auto left = static_cast<std::uint64_t>(time.count() < 0 ? 0 : time.count());
  // 90m is read more easily as 1h30m, but 1500ms as it is.
  for (const Unit& unit : time_units) {
    const bool last = left % unit.size == 0;
    if (left < unit.size || (!last && unit.size <= 1'000'000'000)) continue;
    out += fmt::format("{}{}", left / unit.size, unit.name);
    left %= unit.size;
    if (left == 0) return out;
  }
  return out.empty() ? "0s" : out;
}

}  // namespace babilu::config
