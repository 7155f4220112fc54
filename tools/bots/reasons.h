#pragma once

#include "core/rpc/reason.h"

namespace babilu::bots {

/// What the bots say of themselves, in their reports alone.
struct Reasons : rpc::ReasonTable {
  rpc::Reason stopped = local(rpc::Code::cancelled, "stopped", "the run ended first");
  rpc::Reason wrong_answer =
      local(rpc::Code::data_loss, "wrong_answer", "an answer that is not what was asked for");
};
inline constexpr Reasons reasons;

}  // namespace babilu::bots
