#pragma once

#include <chrono>

#include "core/rpc/status.h"
#include "core/store/error.h"

namespace babilu::server {

/// A store's error as the status of a request. It names no files: where they are is the operator's
/// business, and the log says it.
rpc::Status to_status(const store::StoreError& error);

/// resource_exhausted, reason busy: the server has too much to do; try again.
rpc::Status busy(std::chrono::milliseconds retry_after);

}  // namespace babilu::server
