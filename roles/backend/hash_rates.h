#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/runtime/clock.h"
#include "roles/backend/client_share.h"

namespace babilu::backend {

/// How often the clients of one share may have a password hashed: so many times a second, and twice
/// as many at once after a pause (the generic cell rate algorithm, ITU-T I.371). Loopback has no
/// limit: there are the operator's own programs.
///
/// Remembers 65,536 shares whose rates have not recovered, which takes two seconds; more of them
/// than that have no limit. Any thread.
class HashRates {
 public:
  static constexpr std::size_t most_remembered = 65'536;

  explicit HashRates(unsigned per_second) : per_second_(per_second) {}  ///< 0: no limit

  /// Nothing when one more may be hashed; else when it is worth trying again.
  std::optional<Clock::duration> take(const ClientShare& share, Clock::time_point now);
  unsigned per_second() const noexcept { return per_second_; }
  std::size_t remembered() const;

 private:
  bool has_room(Clock::time_point now);

  const unsigned per_second_;
  mutable std::mutex mutex_;
  std::map<std::string, Clock::time_point> empty_until_;  ///< no hash that a client could choose
  Clock::time_point last_sweep_{};
};

}  // namespace babilu::backend
