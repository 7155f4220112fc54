#pragma once

#include <sys/socket.h>

#include <array>

#include "core/runtime/runtime.h"

namespace babilu::test {

/// Two connected sockets that do not block. Whoever uses an end closes it.
struct SocketPair {
  SocketPair() {
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data());
  }
  std::array<int, 2> ends{};
};

inline void run(task<> (*test)(Runtime&)) {
  Runtime runtime;
  runtime.run(test(runtime));
}

}  // namespace babilu::test
