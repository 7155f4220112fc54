#include "roles/proxy/backend.h"

#include <charconv>

namespace babilu::proxy {

boost::system::result<Backend> Backend::parse(std::string_view text) {
  constexpr std::string_view key = " weight=";
  const auto malformed = make_error_code(boost::system::errc::invalid_argument);
  Backend backend;
  if (const auto at = text.find(key); at != std::string_view::npos) {
    const std::string_view number = text.substr(at + key.size());
    const char* const end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, backend.weight);
    if (error != std::errc() || stop != end) return malformed;
    if (!(backend.weight >= 0.01 && backend.weight <= 100)) return malformed;
    text = text.substr(0, at);
  }
  const auto address = net::Address::parse(text);
  if (!address || address->port == 0) return malformed;
  backend.address = *address;
  backend.name = address->to_string();
  return backend;
}

}  // namespace babilu::proxy
