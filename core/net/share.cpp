#include "core/net/share.h"

#include <algorithm>
#include <cstdint>

#include <boost/asio/ip/address.hpp>

namespace babilu::net {

namespace ip = boost::asio::ip;

std::string share_of(std::string_view host) {
  constexpr std::size_t network_bytes = 8;
  boost::system::error_code no_number;
  const ip::address address = ip::make_address(host, no_number);
  if (no_number) return std::string(host);
  if (address.is_v4()) return address.to_string();
  const ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_string();
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + network_bytes, bytes.end(), std::uint8_t{0});
  return ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace babilu::net
