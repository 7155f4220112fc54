#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "roles/proxy/cidr.h"

namespace babilu::proxy {

/// The largest limit of an address, of any kind: more than a machine does.
inline constexpr unsigned most_of_an_address = 10'000'000;

/// What one address may have; 0: no limit.
struct AddressLimits {
  unsigned sessions = 1000;
  unsigned handshakes_per_second = 100;  ///< twice as many at once
  unsigned requests_per_second = 5000;   ///< twice as many at once
  friend bool operator==(const AddressLimits&, const AddressLimits&) = default;
};

/// The limits of a proxy, and whom they hold for.
struct AdmissionOptions {
  unsigned sessions = 15'000;                ///< of the process, in all
  unsigned total_handshakes_per_second = 0;  ///< of all addresses; twice as many at once; 0: any
  AddressLimits each = {};
  struct Override {
    Cidr network;
    AddressLimits limits;
  };
  std::vector<Override> overrides = {};  ///< the longest prefix counts
  std::vector<Cidr> exempt = {};         ///< here an address has no limit; before any override
  /// Addresses without a session that are remembered at once, for their rates; four seconds at
  /// most.
  unsigned resting_addresses = 65'536;

  /// Addresses that are counted as one, and what they may have together.
  struct Share {
    Cidr addresses;
    AddressLimits limits;
  };
  /// An IPv4 address has a share of its own. An IPv6 address has its /64, which one customer gets;
  /// in networks above that are smaller, the smallest that it is in: so no entry touches
  /// addresses that it does not name. Cost: one look at each entry.
  Share share_of(const boost::asio::ip::address& address) const;

  /// "10.0.0.0/8 sessions=5000 handshakes=500 requests=20000"; what is not named is as in `each`.
  /// The error says what is wrong with the text, for people.
  static boost::system::result<Override, std::string> parse_override(std::string_view text,
                                                                     const AddressLimits& each);
};

}  // namespace babilu::proxy
