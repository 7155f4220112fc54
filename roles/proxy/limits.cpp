#include "roles/proxy/limits.h"

#include <algorithm>
#include <charconv>

namespace babilu::proxy {

namespace ip = boost::asio::ip;

namespace {

constexpr unsigned customer_bits = 64;  // of an IPv6 address

unsigned* limit_called(std::string_view name, AddressLimits& limits) {
  if (name == "sessions") return &limits.sessions;
  if (name == "handshakes") return &limits.handshakes_per_second;
  if (name == "requests") return &limits.requests_per_second;
  return nullptr;
}

/// Takes "sessions=5"; gives what is wrong with it, or nothing.
std::string take_limit(std::string_view word, AddressLimits& limits) {
  const auto equals = std::min(word.find('='), word.size());
  unsigned* const limit = limit_called(word.substr(0, equals), limits);
  if (limit == nullptr) {
    return "\"" + std::string(word) + "\" is none of sessions=, handshakes= and requests=";
  }
  const std::string_view number = word.substr(std::min(equals + 1, word.size()));
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), *limit);
  const bool read = error == std::errc() && end == number.data() + number.size();
  if (read && *limit <= most_of_an_address) return {};
  return "\"" + std::string(word) + "\" has no whole number from 0 to " +
         std::to_string(most_of_an_address);
}

}  // namespace

AdmissionOptions::Share AdmissionOptions::share_of(const ip::address& given) const {
  const ip::address address = normal(given);
  unsigned bits = std::min(address_bits(address), customer_bits);
  AddressLimits limits = each;
  unsigned longest = 0;
  for (const Override& entry : overrides) {
    if (!entry.network.contains(address) || entry.network.prefix_bits() < longest) continue;
    longest = entry.network.prefix_bits();
    limits = entry.limits;
  }
  bits = std::max(bits, longest);
  for (const Cidr& network : exempt) {
    if (!network.contains(address)) continue;
    bits = std::max(bits, network.prefix_bits());
    limits = {.sessions = 0, .handshakes_per_second = 0, .requests_per_second = 0};
  }
  return {Cidr(address, bits), limits};
}

boost::system::result<AdmissionOptions::Override, std::string> AdmissionOptions::parse_override(
    std::string_view text, const AddressLimits& each) {
  const auto space = std::min(text.find(' '), text.size());
  const auto network = Cidr::parse(text.substr(0, space));
  if (!network) return network.error();
  Override made{*network, each};
  text.remove_prefix(space);
  if (text.empty()) return std::string("no limit comes after the network");
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return made;
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    std::string wrong = take_limit(word, made.limits);
    if (!wrong.empty()) return wrong;
  }
}

}  // namespace babilu::proxy
