#pragma once

#include <functional>

#include "core/net/network.h"

namespace babilu {
class Runtime;
}

namespace babilu::net {

/// What becomes of connections that come in. Both are called on the Runtime's thread, and must not
/// throw.
struct Acceptor {
  std::function<void(StreamPtr stream)> take;
  /// The machine is out of something, files above all: log it. Nothing is accepted for 100 ms then,
  /// instead of trying without end.
  std::function<void(error_code why)> on_trouble;
};

/// Accepts connections until the listener is closed. Spawn it as an essential coroutine: without it
/// the process only looks as if it served.
task<> accept_each(Runtime& runtime, Listener& listener, Acceptor acceptor);

}  // namespace babilu::net
