#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace babilu::wire {
class Hello;
}

namespace babilu::bots {

/// What holds for the bots, as the proxy said in its hello. 0: no limit.
struct LimitsReport {
  struct Address {
    std::uint32_t sessions = 0;
    std::uint32_t handshakes_per_second = 0;
    std::uint32_t requests_per_second = 0;
    friend bool operator==(const Address&, const Address&) = default;
  };
  std::optional<Address> address;  ///< none: it did not say, as older ones
  std::uint32_t streams = 0;       ///< unanswered requests of a session
  std::uint32_t frame_bytes = 0;
  friend bool operator==(const LimitsReport&, const LimitsReport&) = default;
};

LimitsReport limits_in(const wire::Hello& hello);

/// The limits that were said, in the order in which they were heard first: usually one. More where
/// there are several proxies, or one that was told others meanwhile.
class LimitsHeard {
 public:
  struct Entry {
    LimitsReport limits;
    std::uint64_t sessions = 0;  ///< that were told these
  };
  /// Of more different ones than anybody would read the rest is left out.
  void add(const LimitsReport& limits);
  const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  std::vector<Entry> entries_;
};

/// For people, two lines.
std::string format_limits(const LimitsReport& limits);

}  // namespace babilu::bots
