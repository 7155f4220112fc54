#pragma once

#include <string>
#include <string_view>

namespace babilu::net {

/// Whom a host counts for where all are treated alike: an IPv4 address, also one that is mapped
/// into IPv6 (RFC 4291, section 2.5.5.2); of an IPv6 address its /64, "2001:db8::/64", since one
/// customer gets that many; of what is no number, the name itself. Any thread.
std::string share_of(std::string_view host);

}  // namespace babilu::net
