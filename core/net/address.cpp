#include "core/net/address.h"

#include <algorithm>
#include <charconv>

#include <boost/asio/ip/address.hpp>

namespace babilu::net {

namespace {

constexpr std::string_view localhost = "localhost";

/// Names are alike in any case (RFC 4343), and with a dot at their end.
bool is_localhost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto alike = [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); };
  return std::ranges::equal(localhost, host, alike);
}

}  // namespace

boost::system::result<Address> Address::parse(std::string_view text) {
  const auto malformed = make_error_code(boost::system::errc::invalid_argument);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed;

  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return malformed;  // an IPv6 number without brackets
  }
  if (host.empty() || host.size() > 253) return malformed;

  Address address{std::string(is_localhost(host) ? localhost : host), 0};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return malformed;
  return address;
}

std::string Address::to_string() const {
  const bool number_with_colons = host.find(':') != std::string::npos;
  const std::string shown = number_with_colons ? "[" + host + "]" : host;
  return shown + ":" + std::to_string(port);
}

bool Address::is_loopback() const {
  if (is_localhost(host)) return true;
  boost::system::error_code not_a_number;
  const auto number = boost::asio::ip::make_address(host, not_a_number);
  return !not_a_number && number.is_loopback();
}

}  // namespace babilu::net
