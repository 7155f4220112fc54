#include "core/admin/http.h"

#include <algorithm>
#include <charconv>
#include <memory>

namespace babilu::admin {

bool Request::has_parameter(std::string_view name) const noexcept {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view parameter = rest.substr(0, end);
    if (parameter.substr(0, parameter.find('=')) == name) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  constexpr std::size_t digits = 2;
  std::string decoded;
  decoded.reserve(text.size());
  while (!text.empty()) {
    const char first = text.front();
    text.remove_prefix(1);
    if (first != '%') {
      decoded.push_back(first);
      continue;
    }
    const std::string_view number = text.substr(0, digits);
    unsigned char byte = 0;
    const auto read =
        std::from_chars(std::to_address(number.begin()), std::to_address(number.end()), byte, 16);
    if (number.size() < digits || read.ptr != std::to_address(number.end())) return std::nullopt;
    decoded.push_back(static_cast<char>(byte));
    text.remove_prefix(digits);
  }
  return decoded;
}

}  // namespace babilu::admin
