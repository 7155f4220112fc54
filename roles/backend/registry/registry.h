#pragma once

#include "roles/api/methods.h"
#include "roles/backend/deployment.h"
#include "roles/backend/passwords.h"

namespace babilu::store {
class Store;
}

namespace babilu::backend {

/// Service 2: accounts. One for each Runtime; what it refers to is shared.
class Registry {
 public:
  Registry(store::Store& store, Passwords& passwords, const Deployment& deployment) noexcept
      : store_(store), passwords_(passwords), deployment_(deployment) {}
  void offer(rpc::ServiceTable& table);

 private:
  task<rpc::Outcome<rpc::Encoded<api::SignUpReply>>> sign_up(rpc::Call& call,
                                                             const api::SignUpRequest& request);

  store::Store& store_;
  Passwords& passwords_;
  const Deployment& deployment_;
};

}  // namespace babilu::backend
