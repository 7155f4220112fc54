#pragma once

#include "roles/api/methods.h"
#include "roles/backend/identity/lockout.h"
#include "roles/backend/identity/tokens.h"
#include "roles/backend/passwords.h"

namespace babilu::store {
class Store;
}
namespace babilu::server {
template <class Reply>
class Once;
}

namespace babilu::backend {

struct IdentityOptions {
  std::chrono::seconds token_lifetime = std::chrono::hours(12);
  LockoutOptions lockout = {};
};

/// Service 3: who somebody is, and who signed what. One for each Runtime.
class Identity {
 public:
  Identity(store::Store& store, Passwords& passwords, const Deployment& deployment,
           IdentityOptions options) noexcept
      : store_(store),
        passwords_(passwords),
        deployment_(deployment),
        tokens_(deployment),
        options_(options),
        lockout_(options.lockout) {}
  void offer(rpc::ServiceTable& table);

 private:
  struct Account;

  task<rpc::Outcome<rpc::Encoded<api::LoginReply>>> login(rpc::Call& call,
                                                          const api::LoginRequest& request);
  task<rpc::Outcome<api::WhoamiReply>> whoami(rpc::Call& call, const api::WhoamiRequest& request);
  task<rpc::Outcome<api::VerifyReply>> verify(rpc::Call& call, const api::VerifyRequest& request);
  task<rpc::Outcome<rpc::Encoded<api::LoginReply>>> admit(server::Once<api::LoginReply>& once,
                                                          rpc::Call& call, const Account& account,
                                                          std::optional<std::string> new_hash);
  /// The password's hash at today's cost, if `stored` was made at another and there is time for it.
  task<std::optional<std::string>> rehash(rpc::Call& call, const std::string& password,
                                          const std::string& stored);
  task<rpc::Status> count_failure(rpc::Call& call, const Account& account);

  store::Store& store_;
  Passwords& passwords_;
  const Deployment& deployment_;
  const Tokens tokens_;
  const IdentityOptions options_;
  const Lockout lockout_;
};

}  // namespace babilu::backend
