#pragma once

#include <string>

#include "core/net/address.h"
#include "roles/proxy/figures.h"

namespace babilu::proxy {

/// A backend as it is configured: "127.0.0.1:7401", or "127.0.0.1:7401 weight=2" for twice the
/// share of the others.
struct Backend {
  std::string name;  ///< its address, as text
  net::Address address;
  double weight = 1;

  /// Fails with invalid_argument: not an address, or a weight that is not between 0.01 and 100.
  static boost::system::result<Backend> parse(std::string_view text);
  friend bool operator==(const Backend&, const Backend&) = default;
};

}  // namespace babilu::proxy
