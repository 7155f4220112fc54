#include "roles/backend/client_share.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

#include "core/net/address.h"

namespace babilu::backend {

namespace ip = boost::asio::ip;

namespace {

constexpr std::size_t customer_bytes = 8;  // of an IPv6 address

std::string network_of(const ip::address_v6& address) {
  auto bytes = address.to_bytes();
  std::fill(bytes.begin() + customer_bytes, bytes.end(), static_cast<unsigned char>(0));
  return ip::make_address_v6(bytes).to_string() + "/64";
}

}  // namespace

ClientShare share_of(std::string_view client_address) {
  const auto parsed = net::Address::parse(client_address);
  const std::string host = parsed ? parsed->host : std::string(client_address);
  boost::system::error_code no_number;
  const ip::address address = ip::make_address(host, no_number);
  if (no_number) return {host, false};
  if (address.is_v4()) return {address.to_string(), address.is_loopback()};
  const ip::address_v6 v6 = address.to_v6();
  if (!v6.is_v4_mapped()) return {network_of(v6), v6.is_loopback()};
  const ip::address_v4 v4 = ip::make_address_v4(ip::v4_mapped, v6);
  return {v4.to_string(), v4.is_loopback()};
}

}  // namespace babilu::backend
