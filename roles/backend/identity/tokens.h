#pragma once

#include <chrono>

#include "core/rpc/status.h"
#include "roles/backend/deployment.h"

namespace babilu::backend {

/// Who a token stands for, and until when.
struct Identified {
  std::uint64_t account = 0;
  std::chrono::sys_seconds expires;
};

/// Tokens of the identity service: 73 bytes that any backend of the deployment can check without
/// the database. Version (1), deployment (8), account (8), expiry as Unix seconds (8), random (16),
/// HMAC-SHA-256 over all of it (32); integers are little-endian.
/// Any thread.
class Tokens {
 public:
  explicit Tokens(const Deployment& deployment) noexcept : deployment_(deployment) {}

  Secret issue(std::uint64_t account, std::chrono::sys_seconds expires,
               crypto::Random& random) const;

  /// Errors: unauthenticated, with reason token_missing, token_malformed, token_foreign (of another
  /// deployment), token_forged or token_expired.
  rpc::Outcome<Identified> check(std::string_view token,
                                 std::chrono::system_clock::time_point now) const;

 private:
  const Deployment& deployment_;
};

}  // namespace babilu::backend
