#include "tools/bots/units.h"

#include <fmt/format.h>

namespace babilu::bots {

std::string format_time(std::uint64_t nanoseconds) {
  const char* unit = "s";
  double value = static_cast<double>(nanoseconds) / 1e9;
  // 999.5 of a unit would be rounded to four digits.
  if (value < 0.9995e-3) {
    value *= 1e6;
    unit = "µs";
  } else if (value < 0.9995) {
    value *= 1e3;
    unit = "ms";
  }
  const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, digits, unit);
}

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (auto place = static_cast<std::ptrdiff_t>(digits.size()) - 3; place > 0; place -= 3) {
    digits.insert(static_cast<std::size_t>(place), ",");
  }
  return digits;
}

}  // namespace babilu::bots
