#pragma once

#include <type_traits>

#include <boost/system/error_code.hpp>

namespace babilu::tls {

/// Why a TLS connection failed. Each has a sentence for whoever reads the log: what is wrong, and
/// what to do.
enum class Error {
  // Something else than TLS came in.
  plaintext_babilu = 1,
  http,
  not_tls,

  // What the other side could not prove.
  unknown_authority,
  expired,
  not_yet_valid,
  wrong_name,
  wrong_role,
  no_certificate,
  bad_certificate,

  // Nothing in common.
  old_version,
  no_common_protocol,
  no_common_algorithms,

  // How the connection went.
  protocol_violation,
  altered,    ///< a record that does not decrypt
  truncated,  ///< the stream ended without close_notify: bytes may be missing
  closed_in_handshake,
  handshake_timed_out,

  // What the other side says of us.
  we_are_untrusted,
  we_are_expired,
  we_have_wrong_role,
  we_sent_no_certificate,
  we_were_refused,

  // Our own side.
  no_own_certificate,
  internal,
};

const boost::system::error_category& error_category() noexcept;

inline boost::system::error_code make_error_code(Error error) noexcept {
  return {static_cast<int>(error), error_category()};
}

/// Whether a connection was accepted for nothing: the other side left before its handshake was
/// done. That is how a load balancer looks whether anybody is here, and nothing to warn of.
bool left_in_handshake(const boost::system::error_code& error) noexcept;

}  // namespace babilu::tls

template <>
struct boost::system::is_error_code_enum<babilu::tls::Error> : std::true_type {};
