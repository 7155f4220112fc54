#include "roles/peer/terminal/display.h"

#include <array>
#include <ctime>

namespace babilu::peer {

namespace {

std::string format_local(store::WallTime time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 32> out{};
  const std::size_t size = std::strftime(out.data(), out.size(), format, &parts);
  return {out.data(), size};
}

}  // namespace

std::string time_of_day(store::WallTime time) {
  return format_local(time, "%H:%M:%S");
}

std::string day_and_time(store::WallTime time) {
  return format_local(time, "%Y-%m-%d %H:%M");
}

}  // namespace babilu::peer
