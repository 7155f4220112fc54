#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace babilu::net {

/// A host, by name or number, and a port: "127.0.0.1:7400", "[::1]:7400", "backend-a:7401".
struct Address {
  std::string host;
  std::uint16_t port = 0;

  /// Port 0 is allowed: a listener takes a free one. Fails with invalid_argument.
  static boost::system::result<Address> parse(std::string_view text);
  std::string to_string() const;
  /// A number in 127.0.0.0/8, ::1, or the name localhost.
  bool is_loopback() const;

  friend bool operator==(const Address&, const Address&) = default;
};

}  // namespace babilu::net
