#include "core/config/rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace babilu::config {

namespace {

bool is_numeric(int family, std::string_view host) {
  unsigned char bytes[16];
  return inet_pton(family, std::string(host).c_str(), bytes) == 1;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    return host.ends_with(']') && is_numeric(AF_INET6, host.substr(1, host.size() - 2));
  }
  if (host.empty() || host.size() > 253) return false;
  if (!std::all_of(host.begin(), host.end(), is_host_character)) return false;
  // Digits and dots alone are meant as a number, and then must be one.
  if (host.find_first_not_of("0123456789.") == std::string_view::npos) {
    return is_numeric(AF_INET, host);
  }
  return host.front() != '-' && host.front() != '.';
}

bool is_port(std::string_view port, bool zero_allowed) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size() && (zero_allowed || number != 0);
}

}  // namespace

bool is_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  return colon != std::string_view::npos && is_host(text.substr(0, colon)) &&
         is_port(text.substr(colon + 1), false);
}

bool is_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_port(text.substr(colon + 1), true)) return false;
  const std::string_view host = text.substr(0, colon);
  return host == "localhost" || is_numeric(AF_INET, host) ||
         (host.starts_with('[') && is_host(host));
}

std::string OneOf::expected() const {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) list += i + 1 == names.size() ? " or " : ", ";
    list += names[i];
  }
  return list;
}

}  // namespace babilu::config
