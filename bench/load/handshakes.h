#pragma once

#include <sys/types.h>

#include <string>

#include "bench/load/result.h"

namespace babilu::load {

struct HandshakeOptions {
  int port = 0;
  /// With the ticket that a first connection got.
  bool resume = false;
  std::string group = "X25519";
  std::size_t parallel = 16;
  double warm_up = 0.3;
  double seconds = 1;
  pid_t measured = 0;
};

/// Connects, shakes hands under TLS 1.3, closes, again and again.
Result run_handshakes(const HandshakeOptions& options);

}  // namespace babilu::load
