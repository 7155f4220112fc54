#pragma once

#include <optional>

#include "core/net/stream.h"

namespace babilu::net {

/// Why a PROXY header was not taken.
enum class ProxyProtocolError {
  not_version_2 = 1,  ///< something else
  version_1,
  malformed,
  too_long,
};
const boost::system::error_category& proxy_protocol_category() noexcept;
inline error_code make_error_code(ProxyProtocolError error) noexcept {
  return {static_cast<int>(error), proxy_protocol_category()};
}

/// Reads the header that a load balancer puts in front of a connection: PROXY protocol version 2
/// (HAProxy's proxy-protocol.txt, section 2.2). Takes exactly its bytes, and nothing of what
/// follows. What is no such header is told by its first bytes, without a wait for more. Gives the
/// client's address; nothing when the balancer speaks for itself (LOCAL), or of something that is
/// neither IPv4 nor IPv6.
task<Result<std::optional<Address>>> read_proxy_header(Stream& stream, Deadline deadline);

}  // namespace babilu::net

template <>
struct boost::system::is_error_code_enum<babilu::net::ProxyProtocolError> : std::true_type {};
