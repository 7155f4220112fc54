#include "tests/integration/faults/wait.h"

#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/support/admin.h"

namespace babilu::testing {

namespace {

constexpr double some = 50;

double answered(const Stack& stack, std::size_t backend) {
  return metric(stack.backend_admin_port(backend), "babilu_backend_requests_total");
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
