#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "core/crypto/password.h"
#include "core/rpc/service.h"
#include "core/runtime/offload.h"
#include "core/runtime/runtime.h"
#include "roles/backend/hash_rates.h"

namespace babilu::backend {

/// Argon2id on the offload pool, for requests: shared fairly by client address, at a rate of each
/// address's own, and not at all for a request that its caller has given up.
///
/// Errors are the request's: resource_exhausted, reason busy (the queue is full, or too long for
/// the deadline) or too_many_passwords (the rate), both with a retry-after; deadline_exceeded;
/// cancelled. Shared by the Runtimes of a process.
class Passwords {
 public:
  /// `address_rate`: hashes a second for one address; 0: no limit.
  Passwords(OffloadPool& pool, crypto::PasswordCost cost, unsigned address_rate = 0)
      : pool_(pool), cost_(cost), rates_(address_rate) {}

  task<rpc::Outcome<std::string>> hash(rpc::Call& call, std::string password);
  /// Without a stored hash (no such account) it costs the same and never matches.
  task<rpc::Outcome<bool>> matches(rpc::Call& call, std::string password,
                                   std::optional<std::string> stored);

  /// Whether a good login should have its hash made anew: it was made at another cost.
  bool outdated(std::string_view stored) const { return crypto::needs_rehash(stored, cost_); }

  /// Requests that were refused for the rate of their address.
  std::uint64_t over_rate() const noexcept { return over_rate_.load(std::memory_order_relaxed); }

 private:
  template <class Work>
  task<rpc::Outcome<std::invoke_result_t<Work&>>> run(rpc::Call& call, Work work);
  rpc::Status too_often(Clock::duration wait);
  rpc::Status explain(NotRun why, const ClientShare& share) const;

  OffloadPool& pool_;
  const crypto::PasswordCost cost_;
  HashRates rates_;
  std::atomic<std::uint64_t> over_rate_{0};
};

}  // namespace babilu::backend
