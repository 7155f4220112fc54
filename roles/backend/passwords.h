#pragma once

#include <optional>
#include <string>

#include "core/crypto/password.h"
#include "core/runtime/offload.h"
#include "core/runtime/runtime.h"

namespace babilu::backend {

/// Argon2id on the offload pool. Nothing comes back when the pool is too busy for the deadline.
class Passwords {
 public:
  Passwords(OffloadPool& pool, crypto::PasswordCost cost) noexcept : pool_(pool), cost_(cost) {}

  task<std::optional<std::string>> hash(Runtime& runtime, std::string password, Deadline deadline);
  /// Without a stored hash (no such account) it costs the same and never matches.
  task<std::optional<bool>> matches(Runtime& runtime, std::string password,
                                    std::optional<std::string> stored, Deadline deadline);

  /// Whether a good login should have its hash made anew: it was made at another cost.
  bool outdated(std::string_view stored) const { return crypto::needs_rehash(stored, cost_); }

  /// When it may be worth trying again.
  std::chrono::milliseconds retry_after() const;

 private:
  OffloadPool& pool_;
  crypto::PasswordCost cost_;
};

}  // namespace babilu::backend
