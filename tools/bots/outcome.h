#pragma once

#include "core/rpc/status.h"

namespace babilu::bots {

/// Whether nobody knows if a request that ended so had its effect.
inline bool effect_unknown(rpc::Code code) noexcept {
  switch (code) {
    case rpc::Code::cancelled:
    case rpc::Code::unknown:
    case rpc::Code::deadline_exceeded:
    case rpc::Code::internal:
    case rpc::Code::unavailable:
    case rpc::Code::aborted:
      return true;
    default:
      return false;
  }
}

/// Whether the same request may well be answered if it is sent again later.
inline bool worth_another_try(rpc::Code code) noexcept {
  return effect_unknown(code) || code == rpc::Code::resource_exhausted;
}

/// Whether no answer came, so that the time that passed is what a user would have waited at least.
/// A refusal comes fast and would flatter the figures.
inline bool unanswered(const rpc::Status& status) noexcept {
  return status.code == rpc::Code::deadline_exceeded || status.is(rpc::reasons.connection_lost) ||
         status.is(rpc::reasons.cannot_connect);
}

}  // namespace babilu::bots
