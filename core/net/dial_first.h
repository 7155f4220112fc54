#pragma once

#include <functional>

#include "core/net/stream.h"

namespace babilu {
class Runtime;
}

namespace babilu::net {

/// How long one attempt to connect may go on alone (RFC 8305 §5, "Connection Attempt Delay").
inline constexpr auto attempt_delay = std::chrono::milliseconds(250);

/// Dials the address with this number, and gives up at a deadline of its own.
using DialOne = std::function<task<Result<StreamPtr>>(std::size_t index)>;

/// Dials addresses in their order until one answers ("Happy Eyeballs", RFC 8305): the next one
/// begins when one has failed, or is silent for attempt_delay, and does not end those before it.
///
/// Fails as the first that failed did, or with timed_out. Thread: the Runtime's. Cancellation ends
/// all attempts.
task<Result<StreamPtr>> dial_first(Runtime& runtime, std::size_t addresses, DialOne dial,
                                   Deadline deadline);

}  // namespace babilu::net
