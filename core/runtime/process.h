#pragma once

#include <functional>

#include "core/runtime/lifecycle.h"
#include "core/runtime/task.h"

namespace babilu {

class Runtime;

/// What a process does on each of its Runtimes. Index 0 is the one of the calling thread.
using ProcessMain = std::function<task<>(Runtime& runtime, unsigned index)>;

/// Runs `main` on `threads` Runtimes, a thread each, until it has ended on all of them.
///
/// SIGTERM and SIGINT advance the lifecycle to draining; main is expected to end then. A second
/// one ends the process at once with 128 + its number. SIGHUP asks the lifecycle to reload; SIGPIPE
/// is ignored. When main throws on one Runtime, or an exception leaves an essential coroutine, all
/// of them drain and readiness says why; the first exception leaves run_process then.
void run_process(unsigned threads, Lifecycle& lifecycle, const ProcessMain& main);

}  // namespace babilu
