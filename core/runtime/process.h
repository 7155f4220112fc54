#pragma once

#include <functional>

#include "core/runtime/lifecycle.h"
#include "core/runtime/task.h"

namespace babilu {

class Runtime;

/// What a process does on each of its Runtimes. Index 0 is the one of the calling thread.
using ProcessMain = std::function<task<>(Runtime& runtime, unsigned index)>;

/// Asked when a signal says once more that the process shall end; on the Runtime of index 0. True:
/// main hurries. False: the process ends at once, with 128 + the signal's number.
using Hurry = std::function<bool()>;

/// Runs `main` on `threads` Runtimes, a thread each, until it has ended on all of them.
///
/// SIGTERM and SIGINT advance the lifecycle to draining; main is expected to end then. After that
/// `hurry` decides, by default for the end at once. SIGHUP asks the lifecycle to reload; it is like
/// SIGTERM where nothing can be reloaded, or where it says that the terminal was closed, unless it
/// was ignored at the start (nohup). SIGPIPE is ignored. When main throws on one Runtime, or an
/// exception leaves an essential coroutine, all of them drain and readiness says why; the first
/// exception leaves run_process then.
void run_process(unsigned threads, Lifecycle& lifecycle, const ProcessMain& main,
                 const Hurry& hurry = {});

}  // namespace babilu
