#pragma once

#include <string>
#include <utility>

#include "core/rpc/status.h"

namespace babilu::test {

/// As one that came over the wire: with a reason of the test's own, or with one that is checked
/// against the word that clients know.
inline rpc::Status status(rpc::Code code, std::string reason, std::string message = {}) {
  rpc::Status made(code);
  made.reason = std::move(reason);
  made.message = std::move(message);
  return made;
}

}  // namespace babilu::test
