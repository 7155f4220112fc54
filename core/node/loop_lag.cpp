#include "core/node/loop_lag.h"

#include "core/runtime/runtime.h"
#include "core/telemetry/metrics.h"

namespace babilu::node {

namespace {

constexpr auto interval = std::chrono::milliseconds(250);

}  // namespace

task<> watch_loop_lag(Runtime& runtime, telemetry::AtomicHistogram& lag) {
  for (;;) {
    const Deadline due = runtime.now() + interval;
    co_await runtime.sleep_until(due);
    lag.record(runtime.now() - due);
  }
}

}  // namespace babilu::node
