#pragma once

#include <sys/types.h>

#include <cstdint>

#include "bench/load/result.h"

namespace babilu::load {

struct RequestOptions {
  int port = 0;
  bool tls = false;
  std::size_t sessions = 1;
  /// How many requests each session keeps unanswered, when there is no rate.
  std::uint32_t depth = 1;
  /// Requests per second of all sessions together, at random times, whether the ones before were
  /// answered or not. 0: as fast as answers come.
  double rate = 0;
  double warm_up = 0.3;
  double seconds = 1;
  /// The process whose CPU time is measured.
  pid_t measured = 0;
};

/// Sends echo requests for a while. Latency counts from when a request was due.
Result run_requests(const RequestOptions& options);

}  // namespace babilu::load
