#pragma once

#include <memory>
#include <vector>

#include "core/net/accept.h"
#include "core/net/security.h"
#include "core/net/waiting_room.h"
#include "core/runtime/lifecycle.h"
#include "core/runtime/scope.h"
#include "core/telemetry/log.h"
#include "roles/proxy/client_session.h"
#include "roles/proxy/link.h"
#include "roles/proxy/observer.h"
#include "roles/proxy/pool.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {

struct ProxyOptions {
  std::vector<Backend> backends;
  rpc::ConnectionOptions session;
  Link::Options link;
  RelayOptions relay;
  /// Balancers whose connections begin with a PROXY header that names the client.
  std::vector<Cidr> balancers;
  /// Such connections whose header has yet to come, at most on this Runtime.
  std::size_t unnamed = 256;
  Clock::duration handshake_timeout = std::chrono::seconds(5);
  Clock::duration drain_timeout = std::chrono::seconds(20);
};

/// What the Runtimes of one proxy process share.
struct ProxyShared {
  Lifecycle& lifecycle;
  telemetry::Log log;
  Observer& observer;
  Figures& figures;
  Admission& admission;
};

/// A proxy on one Runtime: its listener, its sessions, its links.
class Proxy final : private ClientSession::Owner {
 public:
  /// `sessions` secures what clients dial, `links` what the proxy dials.
  Proxy(Runtime& runtime, net::Network& network, net::Security& sessions, net::Security& links,
        net::ListenerPtr listener, ProxyShared& shared, ProxyOptions options);
  ~Proxy();

  /// Serves until the process drains, then until its sessions have ended or the drain timeout has
  /// passed.
  task<> run();

  /// Takes up backends, limits and time-outs. What is open stays; sessions keep the time-outs that
  /// they began with, and are counted under the limits of now.
  void apply(ProxyOptions options);
  bool set_draining(const std::string& backend, bool draining) {
    return pool_.set_draining(backend, draining);
  }

  /// Links that are up and can be chosen.
  std::size_t links_up() const noexcept { return pool_.links_up(); }
  std::size_t links() const noexcept { return pool_.size(); }
  const net::Address& local() const noexcept { return listener_->local(); }

 private:
  net::Acceptor acceptor();
  task<> shake_hands(net::StreamPtr raw);
  /// Who is at the other end: what a balancer says, or the address itself.
  task<Result<net::Address>> identify(net::Stream& raw, Deadline deadline);
  void turn_away(net::Stream& raw, const net::Address& remote, const rpc::Status& why);
  void on_session_over(ClientSession& session) override;
  task<> end(ClientSession& session);
  /// False when some are still there at the deadline.
  task<bool> sessions_ended(Deadline deadline);
  void log_end(ClientSession& session, const rpc::Status& why) const;
  void log_failure(const net::Address& remote, const error_code& why) const;
  void log_refusal(const net::Address& remote, const char* what, std::string_view why) const;

  Runtime& runtime_;
  net::Security& session_security_;
  ProxyShared& shared_;
  net::ListenerPtr listener_;
  ProxyOptions options_;
  net::WaitingRoom unnamed_;
  std::shared_ptr<const rpc::ConnectionOptions> session_options_;
  Relay relay_;
  Pool pool_;
  boost::intrusive::list<ClientSession> sessions_;  ///< owned
  Condition session_ended_;
  Scope handshakes_;
  Scope endings_;
  Scope watch_scope_;
};

}  // namespace babilu::proxy
