#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "roles/proxy/relayed.h"

namespace babilu::proxy {

/// The requests that wait for a backend, by service, each list in the order in which they came;
/// internal to the Relay, which owns what is in them.
///
/// Cost: a link that has room looks at the services that are waited for, not at the requests.
class Relay::WaitingLists {
 public:
  void add(Relayed& relayed);
  void remove(Relayed& relayed);
  /// Of those that the link may be sent now, the one that has waited longest. Null when there is
  /// none.
  Relayed* next_for(const Link& link);
  /// One of all, or null.
  Relayed* any();

 private:
  using List = boost::intrusive::list<Relayed, boost::intrusive::constant_time_size<false>>;

  std::array<List, 256> lists_;
  std::vector<std::uint8_t> waited_for_;  ///< services whose list is not empty
  std::uint64_t next_turn_ = 0;
};

}  // namespace babilu::proxy
