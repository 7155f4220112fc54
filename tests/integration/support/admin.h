#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace babilu::testing {

struct AdminAnswer {
  int status = 0;  ///< 0 when nobody answers
  std::string body = {};
};

/// What the processes of a Stack ask for.
inline constexpr std::string_view admin_token = "the-token-of-these-tests";

/// Asks the admin endpoint at this port of 127.0.0.1 over a connection of its own, with that token.
AdminAnswer ask_admin(std::uint16_t port, std::string_view path, std::string_view method = "GET");

/// What /metrics says of this name, all labels together; 0 when it does not.
double metric(std::uint16_t admin_port, std::string_view name);

}  // namespace babilu::testing
