#pragma once

#include <string>
#include <string_view>

namespace babilu::backend {

/// Whom a request counts for where clients are treated alike.
struct ClientShare {
  /// An IPv4 address, also one in IPv6; of an IPv6 address its /64, "2001:db8::/64", which one
  /// customer gets; of what is no number, the host's name.
  std::string name;
  bool loopback = false;
};

/// The share of Call::client_address, a host and a port.
ClientShare share_of(std::string_view client_address);

}  // namespace babilu::backend
