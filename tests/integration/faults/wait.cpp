#include "tests/integration/faults/wait.h"

#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/support/admin.h"

namespace babilu::testing {

namespace {

constexpr double some = 50;

double answered(const Stack& stack, std::size_t backend) {
  return metric(stack.backend_admin_port(backend), "babilu_server_requests_total");
}

}  // namespace

void kill(Process& process) {
  process.signal(SIGKILL);
  EXPECT_EQ(process.wait(), 128 + SIGKILL);
}

int links_up(const Stack& stack) {
  return static_cast<int>(metric(stack.admin_port(), "babilu_proxy_links_up"));
}

bool wait_for_links(const Stack& stack, std::size_t count) {
  return eventually([&] { return links_up(stack) == static_cast<int>(count); });
}

bool is_sent_more(const Stack& stack, std::size_t backend) {
  const std::string in_flight = "babilu_proxy_backend_in_flight{backend=\"127.0.0.1:" +
                                std::to_string(stack.backend_port(backend)) + "\"}";
  // What a turn of the proxy's loop sent shows at its end. So the first rise may be of a turn that
  // began earlier; the second one is not.
  int rises = 0;
  double before = metric(stack.admin_port(), in_flight);
  return eventually([&] {
    const double now = metric(stack.admin_port(), in_flight);
    if (now > before) ++rises;
    before = now;
    return rises == 2;
  });
}

bool takes_load(const Stack& stack, std::size_t backend) {
  const double before = answered(stack, backend);
  return eventually([&] { return answered(stack, backend) >= before + some; });
}

bool takes_load(const Stack& stack) {
  const auto all = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < stack.backends(); ++i) sum += answered(stack, i);
    return sum;
  };
  const double before = all();
  return eventually([&] { return all() >= before + some; });
}

}  // namespace babilu::testing
