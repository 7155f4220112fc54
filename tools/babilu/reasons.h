#pragma once

#include "core/rpc/reason.h"

namespace babilu::cli {

/// What the commands say of themselves.
struct Reasons : rpc::ReasonTable {
  rpc::Reason usage = local(rpc::Code::invalid_argument, "usage", "a mistake on the command line");
  rpc::Reason not_logged_in =
      local(rpc::Code::unauthenticated, "not_logged_in", "there is no token to show");
  rpc::Reason exception = local(rpc::Code::internal, "exception", "the program failed");
};
inline constexpr Reasons reasons;

}  // namespace babilu::cli
