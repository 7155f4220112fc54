#pragma once

#include <memory>
#include <string>
#include <vector>

#include "roles/backend/deployment.h"
#include "roles/backend/echo/echo.h"
#include "roles/backend/identity/identity.h"
#include "roles/backend/passwords.h"
#include "roles/backend/registry/registry.h"
#include "roles/backend/vault/vault.h"

namespace babilu::backend {

/// What the services of all Runtimes of a backend share.
struct ServicesShared {
  store::Store& store;
  Passwords passwords;
  const Deployment& deployment;
  IdentityOptions identity;
  KeyringOptions keyring;
};

/// The services of a backend on one Runtime, by name.
class Services {
 public:
  static const std::vector<std::string>& names();

  /// Offers those in `wanted`, each one of names(). Throws std::logic_error when the store lacks a
  /// schema that they use.
  Services(ServicesShared& shared, const std::vector<std::string>& wanted);
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  const rpc::ServiceTable& table() const noexcept { return table_; }

 private:
  Echo echo_;
  Registry registry_;
  Identity identity_;
  Vault vault_;
  rpc::ServiceTable table_;
};

}  // namespace babilu::backend
