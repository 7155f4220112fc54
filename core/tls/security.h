#pragma once

#include <memory>
#include <string>

#include "core/net/security.h"
#include "core/tls/context.h"

namespace babilu {
class Runtime;
}

namespace babilu::tls {

/// What the other side must be, by its certificate.
struct Roles {
  std::string dialed;    ///< whom we dial; must be set to dial
  std::string accepted;  ///< who dials us; empty: anyone, and no certificate is asked for
};

/// Security that can take up new certificates.
class CertificateSecurity : public net::Security {
 public:
  /// For the streams that begin from now on.
  virtual void use(ContextPtr context) = 0;
};

/// TLS by certificates, where a Network's streams are to be secured. The name that the other side
/// must prove is the host that is dialed. Runtime: the one that the streams belong to.
std::unique_ptr<CertificateSecurity> make_security(Runtime& runtime, ContextPtr context,
                                                   Roles roles);

}  // namespace babilu::tls
