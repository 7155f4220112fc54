#include "core/telemetry/log_metrics.h"

#include <string>

namespace babilu::telemetry {

std::vector<CallbackRegistration> register_log_metrics(Metrics& metrics, const Log& log) {
  std::vector<CallbackRegistration> kept;
  for (std::size_t i = 0; i < LogStatistics{}.entries.size(); ++i) {
    const std::string level(to_string(static_cast<LogLevel>(i)));
    kept.push_back(metrics.counter_callback(
        "babilu_log_entries_total", "Log entries, by level.", {{"level", level}},
        [log, i] { return static_cast<double>(log.statistics().entries[i]); }));
  }
  kept.push_back(metrics.counter_callback(
      "babilu_log_suppressed_total", "Log entries left out because they repeat.", {},
      [log] { return static_cast<double>(log.statistics().suppressed); }));
  kept.push_back(
      metrics.counter_callback("babilu_log_lost_total", "Log lines that could not be written.", {},
                               [log] { return static_cast<double>(log.statistics().lost); }));
  return kept;
}

}  // namespace babilu::telemetry
