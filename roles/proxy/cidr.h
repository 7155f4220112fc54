#pragma once

#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>
#include <boost/system/result.hpp>

#include "core/base/sip_hash.h"

namespace babilu::proxy {

/// IPv4 in IPv6 (::ffff:192.0.2.1) is IPv4; anything else is itself.
boost::asio::ip::address normal(const boost::asio::ip::address& address);

/// An address in less room, without its scope. IPv4 is IPv4 in IPv6.
boost::asio::ip::address_v6::bytes_type packed(const boost::asio::ip::address& address);

/// A range of addresses: "10.0.0.0/8", "2001:db8::/32", or one address. "::ffff:10.0.0.0/104" is
/// 10.0.0.0/8; a range of IPv6 holds no IPv4.
class Cidr {
 public:
  /// The error says what is wrong with the text, for people.
  static boost::system::result<Cidr, std::string> parse(std::string_view text);
  /// The range of so many leading bits that the address is in.
  Cidr(const boost::asio::ip::address& address, unsigned prefix_bits);

  bool contains(const boost::asio::ip::address& address) const;
  unsigned prefix_bits() const noexcept { return prefix_; }
  /// Clients choose their addresses, so the key is to be random, and known to nobody.
  std::size_t hash(const SipKey& key) const noexcept;
  friend bool operator==(const Cidr&, const Cidr&) = default;

 private:
  boost::asio::ip::address network_;  ///< normal, all bits after the prefix 0
  unsigned prefix_;
};

/// So many bits an address has.
unsigned address_bits(const boost::asio::ip::address& address) noexcept;

}  // namespace babilu::proxy
