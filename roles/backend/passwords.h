#pragma once

#include <optional>
#include <string>

#include "core/crypto/password.h"
#include "core/rpc/status.h"
#include "core/runtime/offload.h"
#include "core/runtime/runtime.h"

namespace babilu::backend {

/// Argon2id on the offload pool, which says why it did not run: it may be too busy for the
/// deadline.
class Passwords {
 public:
  Passwords(OffloadPool& pool, crypto::PasswordCost cost) noexcept : pool_(pool), cost_(cost) {}

  task<OffloadPool::Outcome<std::string>> hash(Runtime& runtime, std::string password,
                                               Deadline deadline);
  /// Without a stored hash (no such account) it costs the same and never matches.
  task<OffloadPool::Outcome<bool>> matches(Runtime& runtime, std::string password,
                                           std::optional<std::string> stored, Deadline deadline);

  /// Whether a good login should have its hash made anew: it was made at another cost.
  bool outdated(std::string_view stored) const { return crypto::needs_rehash(stored, cost_); }

  /// What the caller is told: resource_exhausted and when it may be worth trying again, or
  /// deadline_exceeded.
  rpc::Status explain(NotRun why) const;

 private:
  OffloadPool& pool_;
  crypto::PasswordCost cost_;
};

}  // namespace babilu::backend
