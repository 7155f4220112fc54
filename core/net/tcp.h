#pragma once

#include "core/net/network.h"
#include "core/net/resolver.h"

namespace babilu {
class Runtime;
}

namespace babilu::net {

/// TCP over the system's sockets, without Nagle's delay.
class TcpNetwork final : public Network {
 public:
  explicit TcpNetwork(Runtime& runtime) : runtime_(runtime), resolver_(runtime) {}
  using Network::listen;
  /// `at` must be a number, not a name. Fails with address_in_use, access_denied and the like.
  Result<ListenerPtr> listen(const Address& at, ListenOptions options) override;
  /// Resolves names through the system; tries each address that it gets.
  task<Result<StreamPtr>> connect(const Address& to, Deadline deadline) override;

 private:
  Runtime& runtime_;
  Resolver resolver_;
};

}  // namespace babilu::net
