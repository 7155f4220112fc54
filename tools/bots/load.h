#pragma once

#include "tools/bots/swarm.h"

namespace babilu::bots {

/// Loads the stack with every bot that is ready, for the configured duration or until asked to
/// stop; returns when the last answer has come or was given up.
///
/// Closed loop: each bot sends its next request when it has an answer, so a slow stack is asked
/// less. A bot that is refused waits as it was told. Open loop (a rate): requests are due at even
/// intervals, whatever the answers do, and each is measured from when it was due: a stall shows in
/// every request that it held up. What is due while too many are unanswered is left out and
/// counted.
task<> run_load(Swarm& swarm);

}  // namespace babilu::bots
