#pragma once

#include "core/runtime/task.h"

namespace babilu {
class Runtime;
}
namespace babilu::telemetry {
class AtomicHistogram;
}

namespace babilu::node {

/// Looks four times a second how late the event loop is: what keeps it busy for longer than that
/// delays everybody whom it serves. Until it is cancelled.
task<> watch_loop_lag(Runtime& runtime, telemetry::AtomicHistogram& lag);

}  // namespace babilu::node
