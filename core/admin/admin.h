#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/admin/connection.h"
#include "core/admin/error.h"
#include "core/admin/guard.h"
#include "core/admin/router.h"
#include "core/admin/stats.h"
#include "core/net/network.h"
#include "core/net/waiting_room.h"
#include "core/runtime/lifecycle.h"
#include "core/runtime/scope.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

namespace babilu::admin {

struct AdminOptions {
  std::string name;  ///< of the process: "proxy", "backend-a"
  std::string version;
  /// Whoever asks must know it, but for /livez, /readyz and the dashboard's own files. Its
  /// characters are those of a header field. Absent: loopback only, and to look at; see Guard.
  std::optional<Secret> token = std::nullopt;
  /// Names besides loopback ones by which a process without a token is asked.
  std::vector<std::string> host_names = {};
  HttpLimits limits = {};
};

/// Binds the endpoint's address. Fails with Error::token_required or Error::token_too_short where
/// anyone could reach it and there is no token or one of less than 16 bytes, with
/// Error::token_empty, or as Network::listen does.
Result<net::ListenerPtr> listen(net::Network& network, const net::Address& at,
                                const AdminOptions& options);

/// The HTTP endpoint of a process: health, metrics, log, drain, and the dashboard that shows them.
///
///   GET  /             the dashboard
///   GET  /livez        200 as long as the Runtime runs
///   GET  /readyz       200 or 503; ?verbose lists the phase and every check
///   GET  /metrics      Prometheus or OpenMetrics text, by Accept
///   GET  /stats        JSON for people's tools: phase, checks, metrics with quantiles, sections
///   GET  /log          JSON: recent warnings and errors
///   POST /reload       200, or 409 and what is wrong: then everything is as before
///   POST /drain        202; moves the Lifecycle to draining
///
/// HEAD where GET is. It outlives draining, so that who drains a process can watch it: its owner
/// cancels it last. What it shows must outlive it. Thread: the Runtime's; a reading costs a pass
/// over all metrics (about 2 µs a histogram, and process metrics some reads of /proc). Connections
/// are bounded; see WaitingRoom for which of them gives way to one more.
class Admin final : private Responder {
 public:
  /// Throws std::invalid_argument where listen() fails for want of a token.
  Admin(Runtime& runtime, net::ListenerPtr listener, AdminOptions options, Lifecycle& lifecycle,
        telemetry::Metrics& metrics, telemetry::Log log);
  ~Admin() override;

  /// Serves until it is cancelled.
  task<> run();

  /// Adds a path of a role's. `about` is its line in the list of paths. Before run().
  void handle(Method method, std::string path, std::string about, Handler handler);
  /// Adds a member to the "sections" of /stats, which the dashboard shows too. Before run().
  void add_stats(std::string name, StatsSource source);

  const net::Address& local() const noexcept { return listener_->local(); }

 private:
  struct Figures;

  std::optional<Response> refuse(const Request& head) override;
  Response answer(const Request& request) override;
  Response count(Response response);

  void add_own_paths();
  Response readiness(const Request& request) const;
  Response stats() const;
  Response reload() const;
  Response drain(const Request& request);

  task<> serve(net::StreamPtr stream);

  Runtime& runtime_;
  net::ListenerPtr listener_;
  AdminOptions options_;
  Lifecycle& lifecycle_;
  telemetry::Metrics& metrics_;
  telemetry::Log log_;
  Guard guard_;
  Router router_;
  std::vector<std::pair<std::string, StatsSource>> sections_;
  std::unique_ptr<Figures> figures_;
  const Clock::time_point started_;
  net::WaitingRoom connections_;
  Scope scope_;
};

}  // namespace babilu::admin
