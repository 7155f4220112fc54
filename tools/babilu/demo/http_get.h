#pragma once

#include <string>

#include "core/net/network.h"

namespace babilu::cli {

/// The status of a GET of an admin endpoint, 200 or 503 say; 0 when there was no answer.
task<int> http_status(net::Network& network, net::Address to, std::string path, Deadline deadline);

}  // namespace babilu::cli
