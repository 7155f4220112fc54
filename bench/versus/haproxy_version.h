#pragma once

#include <string>

namespace babilu::bench {

inline constexpr const char* haproxy_program = "/usr/sbin/haproxy";

/// HAProxy's version, and that of the OpenSSL it runs on.
struct HaproxyVersion {
  std::string haproxy;  ///< as Debian names it: 3.0.11-1+deb13u2
  std::string openssl;  ///< with its date: OpenSSL 3.5.9 29 Sep 2026
  /// Whether that OpenSSL knows X25519MLKEM768, as 3.5 does.
  bool hybrid = false;

  /// What stands over a figure: "HAProxy 3.0.11 with OpenSSL 3.5.9".
  std::string title() const;
};

/// From what `haproxy -vv` prints.
HaproxyVersion parse_haproxy_version(const std::string& said);
/// Of the one that is installed; empty where none is.
HaproxyVersion haproxy_version();

}  // namespace babilu::bench
