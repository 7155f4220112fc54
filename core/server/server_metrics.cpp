#include "core/server/server_metrics.h"

namespace babilu::server {

ServerMetrics::ServerMetrics(telemetry::Metrics& metrics)
    : connections_(metrics.gauge("babilu_server_connections", "Connections open now")),
      strangers_gone_(
          metrics.counter("babilu_server_strangers_closed_total",
                          "Connections that gave way to others before they proved who they are")),
      requests_(metrics.counter("babilu_server_requests_total", "Requests answered")),
      errors_(
          metrics.counter("babilu_server_request_errors_total", "Requests answered with an error")),
      latency_(metrics.histogram("babilu_server_request_duration_seconds",
                                 "From a request's arrival to its reply")) {}

void ServerMetrics::on_reply(const rpc::MethodTraits&, rpc::Code code, Clock::duration latency) {
  requests_.add();
  if (code != rpc::Code::ok) errors_.add();
  latency_.record(latency);
}

}  // namespace babilu::server
