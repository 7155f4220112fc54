#include "roles/backend/observer.h"

namespace babilu::backend {

Observer::Observer(telemetry::Metrics& metrics)
    : links_(metrics.gauge("babilu_backend_links", "Links of proxies open now")),
      strangers_gone_(metrics.counter(
          "babilu_backend_strangers_closed_total",
          "Connections that gave way to others before they proved to be a proxy's")),
      requests_(metrics.counter("babilu_backend_requests_total", "Requests answered")),
      errors_(metrics.counter("babilu_backend_request_errors_total",
                              "Requests answered with an error")),
      latency_(metrics.histogram("babilu_backend_request_duration_seconds",
                                 "From a request's arrival to its reply")) {}

void Observer::on_reply(const rpc::MethodTraits&, rpc::Code code, Clock::duration latency) {
  requests_.add();
  if (code != rpc::Code::ok) errors_.add();
  latency_.record(latency);
}

}  // namespace babilu::backend
