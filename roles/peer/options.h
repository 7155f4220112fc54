#pragma once

#include "core/rpc/session.h"
#include "roles/peer/messages.h"
#include "roles/peer/rate_limit.h"

namespace babilu::peer {

/// What a node puts up with, and for how long. The defaults are for people who talk.
struct NodeOptions {
  Clock::duration connect_timeout = std::chrono::seconds(5);    ///< TCP and TLS
  Clock::duration introduce_timeout = std::chrono::seconds(5);  ///< for both introductions
  Clock::duration deliver_timeout = std::chrono::seconds(10);   ///< for a message's reply
  Clock::duration store_timeout = std::chrono::seconds(10);
  Clock::duration redial_min = std::chrono::milliseconds(200);
  Clock::duration redial_max = std::chrono::seconds(5);

  /// Silence after which the other is asked, and then given up: gone after the sum.
  Clock::duration ping_after = std::chrono::seconds(2);
  Clock::duration ping_timeout = std::chrono::seconds(3);

  // Where there are more, the oldest of whichever address has most of them gives way. Those with
  // contacts never do.
  std::size_t most_connections = 256;        ///< accepted ones
  std::size_t most_strangers = 32;           ///< of these, not yet introduced
  std::size_t most_of_a_contact = 4;         ///< connections with one contact; one more is refused
  std::int64_t most_contacts = 10'000;       ///< accepted ones
  std::int64_t most_strangers_kept = 1'000;  ///< one more drops another, with what they said
  Room room{.of_a_contact = std::int64_t{256} << 20,
            .of_a_stranger = std::int64_t{256} << 10,
            .of_all = std::int64_t{2} << 30};

  /// The only one to talk to; empty: anybody.
  std::string only;

  /// Messages that one contact may send. One more is refused, to be tried later.
  RateLimit::Options messages{.per_second = 50, .burst = 100};
  /// Refusals that it may ignore. One more ends the connection.
  RateLimit::Options ignored_refusals{.per_second = 10, .burst = 200};

  rpc::SessionOptions session() const {
    rpc::SessionOptions options;
    options.connection.limits = {.frame = 32 * 1024, .streams = 32, .credit = 0};
    options.connection.hello_timeout = introduce_timeout;
    options.connection.ping_after = ping_after;
    options.connection.ping_timeout = ping_timeout;
    return options;
  }
};

}  // namespace babilu::peer
