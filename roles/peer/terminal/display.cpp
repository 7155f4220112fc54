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

std::string moments(const Message& message) {
  std::string text = format_local(message.kept_at, "%Y-%m-%d %H:%M:%S");
  const auto apart = std::chrono::abs(message.kept_at - message.sent_at);
  if (apart >= std::chrono::minutes(1)) text += " (sent " + day_and_time(message.sent_at) + ")";
  return text;
}

std::string day_and_time(store::WallTime time) {
  return format_local(time, "%Y-%m-%d %H:%M");
}

}  // namespace babilu::peer
