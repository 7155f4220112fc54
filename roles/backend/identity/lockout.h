#pragma once

#include <chrono>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/store/transaction.h"

namespace babilu::backend {

struct LockoutOptions {
  /// After so many failed logins in a row an account takes none from their address for a while.
  int most_failures = 10;
  /// After so many in a window, from addresses that it has never logged in from, it takes none from
  /// any of those. More than one address alone can have in that time.
  int most_failures_of_account = 100;
  std::chrono::seconds window{300};
  std::chrono::seconds lock_time{60};
};

/// Failed logins, and whom they keep out: the addresses that they come from, so that nobody can
/// lock an account for its owner. Guesses from many addresses lock it for all addresses but those
/// from which it logged in before.
///
/// An address is 16 bytes: a keyed digest (Deployment::address_digest). Remembered for an account:
/// the last 16 addresses that it logged in from, and the last 64 others.
///
/// Times are of day. Those from ahead of the clock, which was set back since, lock nothing.
class Lockout {
 public:
  using Milliseconds = std::chrono::milliseconds;

  explicit Lockout(LockoutOptions options) noexcept : options_(options) {}

  /// What is known of an account and of one address there.
  struct Standing {
    store::WallTime account_locked_until;
    store::WallTime address_locked_until;
    bool known_address = false;
  };

  /// How long a login must wait; 0: it may be tried.
  Milliseconds time_left(const Standing& standing, store::WallTime now) const noexcept;
  /// The same, as it stands now: others may have failed while this one's password was hashed, and
  /// who guesses many at once must not learn more than who guesses one after another.
  Milliseconds time_left(store::Transaction& transaction, std::uint64_t account, ByteView address,
                         store::WallTime now) const;

  void failed(store::Transaction& transaction, std::uint64_t account, ByteView address,
              store::WallTime now) const;
  void succeeded(store::Transaction& transaction, std::uint64_t account, ByteView address,
                 store::WallTime now) const;

 private:
  Milliseconds time_left(store::WallTime until, store::WallTime now) const noexcept;
  void count_for_account(store::Transaction& transaction, std::uint64_t account,
                         store::WallTime now) const;

  const LockoutOptions options_;
};

}  // namespace babilu::backend
