#include "roles/proxy/cidr.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

namespace babilu::proxy {

namespace ip = boost::asio::ip;

namespace {

template <class Bytes>
Bytes masked(Bytes bytes, unsigned bits) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned kept = std::clamp<int>(static_cast<int>(bits) - static_cast<int>(8 * i), 0, 8);
    bytes[i] &= static_cast<unsigned char>(0xFF00U >> kept);
  }
  return bytes;
}

ip::address network_of(const ip::address& address, unsigned bits) {
  if (address.is_v4()) return ip::make_address_v4(masked(address.to_v4().to_bytes(), bits));
  return ip::make_address_v6(masked(address.to_v6().to_bytes(), bits));
}

bool is_v4_in_v6(const ip::address& address) {
  return address.is_v6() && address.to_v6().is_v4_mapped();
}

}  // namespace

ip::address normal(const ip::address& address) {
  return is_v4_in_v6(address) ? ip::make_address_v4(ip::v4_mapped, address.to_v6()) : address;
}

ip::address_v6::bytes_type packed(const ip::address& address) {
  if (address.is_v6()) return address.to_v6().to_bytes();
  return ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

unsigned address_bits(const ip::address& address) noexcept {
  return address.is_v4() ? 32 : 128;
}

Cidr::Cidr(const ip::address& address, unsigned prefix_bits)
    : network_(network_of(normal(address), prefix_bits)), prefix_(prefix_bits) {}

boost::system::result<Cidr, std::string> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const std::string host(text.substr(0, slash));
  boost::system::error_code error;
  const ip::address address = ip::make_address(host, error);
  if (error) return "\"" + host + "\" is no address of IPv4 or IPv6";
  const unsigned most = address_bits(address);
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view prefix = text.substr(slash + 1);
    const auto [end, problem] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), bits);
    if (problem != std::errc() || end != prefix.data() + prefix.size() || bits > most) {
      return "the prefix of " + host + " must be a number from 0 to " + std::to_string(most);
    }
  }
  if (!is_v4_in_v6(address)) return Cidr(address, bits);
  if (bits < 96) {
    return "the prefix of " + host + " must be 96 or more, as it is IPv4 written as IPv6; " +
           "10.0.0.0/8 is ::ffff:10.0.0.0/104";
  }
  return Cidr(address, bits - 96);
}

bool Cidr::contains(const ip::address& given) const {
  const ip::address address = normal(given);
  return address.is_v4() == network_.is_v4() && network_of(address, prefix_) == network_;
}

std::size_t Cidr::hash(const SipKey& key) const noexcept {
  const auto address = packed(network_);
  std::array<std::uint8_t, std::tuple_size_v<decltype(address)> + 2> bytes{};
  std::ranges::copy(address, bytes.begin());
  bytes[address.size()] = static_cast<std::uint8_t>(prefix_);
  bytes[address.size() + 1] = network_.is_v4() ? 4 : 6;
  return sip_hash(key, bytes);
}

}  // namespace babilu::proxy
