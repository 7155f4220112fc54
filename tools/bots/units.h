#pragma once

#include <cstdint>
#include <string>

namespace babilu::bots {

/// Three digits and a unit: "87.0 µs", "1.24 ms", "12.0 s".
std::string format_time(std::uint64_t nanoseconds);
/// With commas between thousands: "12,345".
std::string format_count(std::uint64_t count);

}  // namespace babilu::bots
