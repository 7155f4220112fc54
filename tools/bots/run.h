#pragma once

#include "core/net/security.h"
#include "tools/bots/config.h"
#include "tools/bots/progress.h"
#include "tools/bots/report.h"
#include "tools/bots/stop.h"

namespace babilu::bots {

/// Loads a stack with bots, then checks that it kept its word: connect, set up, load, check.
///
/// Everything goes through the runtime, the network and the security, so it runs in a simulation
/// as well, and there twice the same. `stop` may be asked at any time to end the load early; what
/// was acknowledged until then is checked all the same. Errors are in the report; see exit_code().
/// Thread: the Runtime's. Not to be cancelled: use `stop`.
task<Report> run_bots(Runtime& runtime, net::Network& network, net::Security& security,
                      const BotsConfig& config, Progress& progress, Stop& stop);

}  // namespace babilu::bots
