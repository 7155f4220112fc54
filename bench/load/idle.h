#pragma once

#include <sys/types.h>

#include "bench/load/result.h"

namespace babilu::load {

struct IdleOptions {
  int port = 0;
  bool tls = false;
  std::size_t from = 1'000;
  std::size_t to = 9'000;
  pid_t measured = 0;
};

/// Opens sessions that ask once and are then silent; what each adds to the memory of the process
/// that is measured, between two numbers of them.
Result run_idle(const IdleOptions& options);

}  // namespace babilu::load
