#pragma once

#include "roles/api/methods.h"
#include "roles/backend/identity/tokens.h"
#include "roles/backend/vault/keyring.h"

namespace babilu::backend {

/// Service 4: encryption and signatures under keys that never leave it. One for each Runtime.
class Vault {
 public:
  Vault(store::Store& store, const Deployment& deployment, KeyringOptions options)
      : tokens_(deployment), keyring_(store, deployment, options) {}
  void offer(rpc::ServiceTable& table);

 private:
  task<rpc::Outcome<api::EncryptReply>> encrypt(rpc::Call& call,
                                                const api::EncryptRequest& request);
  task<rpc::Outcome<api::DecryptReply>> decrypt(rpc::Call& call,
                                                const api::DecryptRequest& request);
  task<rpc::Outcome<api::SignReply>> sign(rpc::Call& call, const api::SignRequest& request);

  const Tokens tokens_;
  Keyring keyring_;
};

}  // namespace babilu::backend
