#pragma once

#include <list>
#include <memory>

#include "core/net/security.h"
#include "core/net/waiting_room.h"
#include "core/rpc/session.h"
#include "core/runtime/lifecycle.h"
#include "core/runtime/scope.h"
#include "core/server/server_metrics.h"
#include "core/telemetry/log.h"

namespace babilu::server {

struct ServerOptions {
  rpc::SessionOptions session;
  Clock::duration handshake_timeout = std::chrono::seconds(5);
  Clock::duration drain_timeout = std::chrono::seconds(15);
  /// Connections of this Runtime that have yet to prove who they are.
  std::size_t strangers = 64;
};

/// What the Runtimes of one process share.
struct ServerShared {
  ServerOptions options;
  Lifecycle& lifecycle;
  telemetry::Log log;
  ServerMetrics& metrics;
};

/// Accepts connections on one Runtime and serves a ServiceTable on them, until the process drains.
class Server {
 public:
  Server(Runtime& runtime, net::Security& security, net::ListenerPtr listener,
         const rpc::ServiceTable& services, ServerShared& shared);

  /// Serves until the process drains and the requests in flight are answered, for which they have
  /// the drain timeout.
  task<> run();
  const net::Address& local() const noexcept { return listener_->local(); }

 private:
  task<> serve(net::StreamPtr raw);
  static task<> see_in(rpc::Session& session, net::Guest& guest);
  void log_failure(const std::string& remote, const error_code& why, bool gave_way) const;
  task<> sessions_ended(Deadline deadline);

  Runtime& runtime_;
  net::Security& security_;
  const rpc::ServiceTable& services_;
  ServerShared& shared_;
  net::ListenerPtr listener_;
  net::WaitingRoom strangers_;
  std::list<rpc::Session*> sessions_;  ///< those that serve() runs now
  Condition session_ended_;
  bool draining_ = false;
  Scope scope_;
};

}  // namespace babilu::server
