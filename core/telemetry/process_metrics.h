#pragma once

#include <vector>

#include "core/telemetry/metrics.h"

namespace babilu::telemetry {

/// The process's own figures by Prometheus's usual names, read from /proc/self at a scrape:
/// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds,
/// process_threads, process_start_time_seconds. A scrape costs a few system calls, however many
/// files are open (see OpenFiles). For real processes only: a simulated node shares its process
/// with others. Keep the result as long as they shall be shown.
std::vector<CallbackRegistration> register_process_metrics(Metrics& metrics);

}  // namespace babilu::telemetry
