#pragma once

#include <functional>
#include <string>

#include "tools/bots/config.h"

namespace babilu::bots {

/// Says what kept the bots from starting, and gives the exit code.
using NotStarted = std::function<int(const std::string& problem)>;

/// What `babilu bots` does, in a process of its own: a Runtime, TCP, TLS by the configured
/// authority or none, progress on the standard error, the table on the standard output, JSON
/// where it shall go (with "-" the standard output, and the table then on the standard error).
/// SIGINT and SIGTERM end the load early, a second one the checks, a third one the process.
///
/// Returns the exit code: that of the report (report.h); 2 when the authority's certificate cannot
/// be read or the JSON file not be written, which is found before the load; at least 1 when writing
/// failed after all.
int run_command(const BotsConfig& config, const NotStarted& not_started);

}  // namespace babilu::bots
