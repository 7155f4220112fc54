#pragma once

#include "core/rpc/status.h"

namespace babilu::cli {

/// What a subcommand for a person or a script exits with; docs/commands.md explains them.
enum class ExitCode : int {
  done = 0,
  refused = 1,          ///< the service, or a check, says no
  usage = 2,            ///< command line, configuration or a file: nothing was asked
  unauthenticated = 3,  ///< no token, one that does not count, or a wrong password
  unavailable = 4,      ///< not reached, no answer in time, too busy: try again later
  internal = 5,         ///< a defect, here or there
};

constexpr int to_int(ExitCode code) noexcept {
  return static_cast<int>(code);
}

ExitCode exit_code_of(const rpc::Status& status) noexcept;

/// What stands in the way on this side: no service says so.
rpc::Status usage_error(std::string message);

}  // namespace babilu::cli
