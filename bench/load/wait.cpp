#include "bench/load/wait.h"

#include <stdexcept>
#include <string>

#include "bench/load/clock.h"
#include "bench/load/requests.h"

namespace babilu::load {

namespace {

constexpr Nanoseconds limit = from_seconds(10);
constexpr timespec pause{0, 20'000'000};

bool answers(int port, bool tls) {
  try {
    const Result result = run_requests({.port = port, .tls = tls, .warm_up = 0, .seconds = 0.01});
    return result.get("requests") > 0 && result.get("errors") == 0;
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace

void wait_for_echo(int port, bool tls) {
  for (const Nanoseconds until = now() + limit; now() < until; nanosleep(&pause, nullptr)) {
    if (answers(port, tls)) return;
  }
  throw std::runtime_error("nothing answers on port " + std::to_string(port));
}

}  // namespace babilu::load
