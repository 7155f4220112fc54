#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/runtime.h"
#include "core/tls/context.h"

/// Credentials of a whole stack in one directory, for development, tests and demonstrations:
///
///   DIRECTORY/ca.pem                    certificate of the authority: what clients take as --ca,
///                                       and what every service trusts
///   DIRECTORY/<role>/certificate.pem    one directory for each role, "proxy" and "backend",
///   DIRECTORY/<role>/key.pem            for that role's processes only
///   DIRECTORY/vault/master.key          32 random bytes, base64url: for backends
///   DIRECTORY/admin/token               32 random bytes, base64url: for the admin endpoint and
///                                       whoever may use it
///   DIRECTORY/authority/key.pem         the authority's key: for no service
///
/// So what a service may see is ca.pem and one or more of the directories beside it. Directories
/// below the top are for their owner alone (0700), as are keys, master key and token (0600).
namespace babilu::tls {

struct DevelopmentCertificates {
  std::filesystem::path directory;
  /// Hosts that the certificates are for, beside localhost, 127.0.0.1 and ::1.
  std::vector<std::string> hosts = {};
  std::vector<std::string> roles = {"proxy", "backend"};
  std::chrono::hours validity = std::chrono::hours(24 * 365);
  /// Replaces what stands there by a new authority and new certificates. Master key and token are
  /// kept, as data is sealed with the one and people know the other.
  bool renew = false;
};

/// Makes the directory, all of it or nothing: it is written beside its place, then renamed there.
/// What exists is not touched unless `renew` says so. An interrupted run may leave a directory
/// named DIRECTORY.new-XXXXXX behind, which nobody reads.
/// Blocks, for some 10 ms. Nothing when it succeeded, else what is wrong.
std::optional<CredentialError> create_development_certificates(
    const DevelopmentCertificates& wanted, Random& random,
    std::chrono::system_clock::time_point now);

}  // namespace babilu::tls
