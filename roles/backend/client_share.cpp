#include "roles/backend/client_share.h"

#include <boost/asio/ip/address.hpp>

#include "core/net/address.h"
#include "core/net/share.h"

namespace babilu::backend {

namespace ip = boost::asio::ip;

namespace {

bool is_loopback(const std::string& host) {
  boost::system::error_code no_number;
  const ip::address address = ip::make_address(host, no_number);
  if (no_number) return false;
  const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
  return mapped ? ip::make_address_v4(ip::v4_mapped, address.to_v6()).is_loopback()
                : address.is_loopback();
}

}  // namespace

ClientShare share_of(std::string_view client_address) {
  const auto parsed = net::Address::parse(client_address);
  const std::string host = parsed ? parsed->host : std::string(client_address);
  return {net::share_of(host), is_loopback(host)};
}

}  // namespace babilu::backend
