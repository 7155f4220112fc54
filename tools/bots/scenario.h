#pragma once

#include "tools/bots/operations.h"

namespace babilu::bots {

/// Whether bots of the scenario have accounts of their own before the load begins.
inline bool needs_account(Scenario scenario) noexcept {
  return scenario == Scenario::encrypt || scenario == Scenario::mixed;
}

/// What the bot does next. One whose token was refused logs in first.
Operation next_operation(Scenario scenario, Bot& bot);

}  // namespace babilu::bots
