#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace babilu::testing {

struct AdminAnswer {
  int status = 0;  ///< 0 when nobody answers
  std::string body = {};
};

/// Asks the admin endpoint at this port of 127.0.0.1 over a connection of its own.
AdminAnswer ask_admin(std::uint16_t port, std::string_view path, std::string_view method = "GET");

/// What /metrics says of this name, all labels together; 0 when it does not.
double metric(std::uint16_t admin_port, std::string_view name);

}  // namespace babilu::testing
