#include "tests/integration/support/admin.h"

#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "tests/integration/support/raw_connection.h"

namespace babilu::testing {

AdminAnswer ask_admin(std::uint16_t port, std::string_view path, std::string_view method) {
  RawConnection connection(port);
  connection.send(
      fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n"
                  "Authorization: Bearer {}\r\n\r\n",
                  method, path, admin_token));
  const std::string answer = connection.read_to_end();
  const auto head = answer.find("\r\n\r\n");
  if (head == std::string::npos) return {};
  return {std::atoi(answer.substr(9, 3).c_str()), answer.substr(head + 4)};
}

double metric(std::uint16_t admin_port, std::string_view name) {
  std::istringstream lines(ask_admin(admin_port, "/metrics").body);
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name) || line.size() <= name.size()) continue;
    if (line[name.size()] != ' ' && line[name.size()] != '{') continue;
    sum += std::atof(line.substr(line.rfind(' ') + 1).c_str());
  }
  return sum;
}

}  // namespace babilu::testing
