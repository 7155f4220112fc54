#pragma once

#include <vector>

#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

namespace babilu::telemetry {

/// The log's own figures: babilu_log_entries_total by level, babilu_log_suppressed_total,
/// babilu_log_lost_total. Keep the result as long as they shall be shown.
std::vector<CallbackRegistration> register_log_metrics(Metrics& metrics, const Log& log);

}  // namespace babilu::telemetry
