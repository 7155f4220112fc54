#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "core/net/network.h"
#include "core/net/resolver.h"

namespace babilu {
class Runtime;
}

namespace babilu::net {

/// The addresses that several Runtimes of one process listen on. The first of them takes an address
/// as if for itself, so that no other process gets or has it; only then may the others join. Any
/// thread. Owner: whoever runs the Runtimes.
class SharedAddresses {
 private:
  friend class TcpNetwork;
  std::mutex mutex_;
  std::vector<Address> taken_;
};

/// TCP over the system's sockets, without Nagle's delay.
class TcpNetwork final : public Network {
 public:
  /// Names are looked up by the system, or by what a test puts in its place.
  explicit TcpNetwork(Runtime& runtime, Resolver::Find find = Resolver::ask_system)
      : runtime_(runtime), resolver_(runtime, std::move(find)) {}
  /// Its listeners may share a port with those of others that have the same `shared`.
  TcpNetwork(Runtime& runtime, SharedAddresses& shared) : TcpNetwork(runtime) { shared_ = &shared; }
  using Network::listen;
  /// `at` must be a number, not a name. Fails with address_in_use, access_denied and the like.
  Result<ListenerPtr> listen(const Address& at, ListenOptions options) override;
  /// Resolves names; takes the first address that answers, see dial_first(). localhost is this
  /// machine by either protocol, whatever its files say (RFC 6761 §6.3).
  task<Result<StreamPtr>> connect(const Address& to, Deadline deadline) override;

 private:
  task<Result<std::vector<Resolver::Endpoint>>> find(const Address& to, Deadline deadline);

  Runtime& runtime_;
  Resolver resolver_;
  SharedAddresses* shared_ = nullptr;  ///< null: no listener may ask for a port that is shared
};

}  // namespace babilu::net
