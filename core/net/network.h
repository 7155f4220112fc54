#pragma once

#include <memory>

#include "core/net/stream.h"

namespace babilu::net {

/// Accepts streams. The destructor closes.
class Listener {
 public:
  virtual ~Listener() = default;
  /// The next stream, or why there is none: operation_aborted after close(),
  /// too_many_files_open and the like when the machine is out of something; try again later.
  virtual task<Result<StreamPtr>> accept() = 0;
  virtual const Address& local() const noexcept = 0;
  virtual void close() noexcept = 0;
};

using ListenerPtr = std::unique_ptr<Listener>;

/// Where streams come from. One for each Runtime.
class Network {
 public:
  struct ListenOptions {
    bool share_port = false;  ///< several Runtimes listen on one port (SO_REUSEPORT)
    int backlog = 4096;
  };

  virtual ~Network() = default;
  virtual Result<ListenerPtr> listen(const Address& at, ListenOptions options) = 0;
  Result<ListenerPtr> listen(const Address& at) { return listen(at, ListenOptions{}); }
  virtual task<Result<StreamPtr>> connect(const Address& to, Deadline deadline) = 0;
};

}  // namespace babilu::net
