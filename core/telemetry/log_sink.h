#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "core/telemetry/log_entry.h"

namespace spdlog::sinks {
class sink;
}

namespace babilu::telemetry {

/// Where lines go: any sink of spdlog (rotating files, syslog, journald); it gets finished lines
/// and adds a newline. It belongs to one Log. Must be of the kind that locks (`_mt`) when several
/// threads log.
using LogSink = std::shared_ptr<spdlog::sinks::sink>;

/// Standard error, coloured on a terminal unless NO_COLOR is set.
///
/// spdlog's own console sinks ignore a failed write, but they wait for a reader that has stopped
/// reading, and die of SIGPIPE when it has gone. This one never waits: a line that a pipe, socket
/// or terminal would not take at once is lost, as is one on a full disk or a closed descriptor, and
/// Log counts it. (Only if another process fills the same pipe at that very moment can a write
/// wait.) No buffer and no thread, so nothing is missing after a crash. Cost: a few system calls.
LogSink standard_error_sink();

/// The same on any descriptor, which stays the caller's and must stay open.
LogSink descriptor_sink(int descriptor, bool coloured);

/// Calls a function with each line, one at a time: for tests and for a simulation's event log.
/// The function must not log.
LogSink callback_sink(std::function<void(LogLevel, std::string_view line)> write);

}  // namespace babilu::telemetry
