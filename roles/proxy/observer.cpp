#include "roles/proxy/observer.h"

#include "roles/proxy/link.h"

namespace babilu::proxy {

using telemetry::field;

Observer::Observer(telemetry::Metrics& metrics, telemetry::Log log)
    : log_(std::move(log)),
      sessions_(metrics.gauge("babilu_proxy_open_sessions", "Sessions open now")),
      sessions_total_(metrics.counter("babilu_proxy_sessions_total", "Sessions opened")),
      handshakes_failed_(
          metrics.counter("babilu_proxy_handshakes_failed_total", "Handshakes that failed")),
      relayed_(metrics.counter("babilu_proxy_requests_total", "Requests answered by a backend")),
      relayed_errors_(metrics.counter("babilu_proxy_request_errors_total",
                                      "Requests that a backend answered with an error")),
      refused_(metrics.counter("babilu_proxy_requests_refused_total",
                               "Requests that the proxy itself answered with an error")),
      resent_(metrics.counter("babilu_proxy_requests_resent_total",
                              "Requests sent to a second backend after the first was lost")),
      links_up_(metrics.gauge("babilu_proxy_links_up", "Links to backends that are up")),
      links_lost_(metrics.counter("babilu_proxy_links_lost_total", "Links that broke")),
      latency_(metrics.histogram("babilu_proxy_request_duration_seconds",
                                 "From a request's arrival to its reply")) {}

void Observer::on_session_opened() {
  sessions_.add();
  sessions_total_.add();
}

void Observer::on_session_closed() { sessions_.subtract(); }
void Observer::on_handshake_failed() { handshakes_failed_.add(); }

void Observer::on_relayed(const Link&, std::uint16_t, rpc::Code code, Clock::duration latency) {
  relayed_.add();
  if (code != rpc::Code::ok) relayed_errors_.add();
  latency_.record(latency);
}

void Observer::on_refused(rpc::Code) { refused_.add(); }
void Observer::on_resent(const Link&) { resent_.add(); }

void Observer::on_link_up(const Link& link) {
  links_up_.add();
  log_.info("link up", field("backend", link.name()));
}

void Observer::on_link_lost(const Link& link) {
  links_up_.subtract();
  links_lost_.add();
  log_.warn("link lost", field("backend", link.name()), field("why", link.last_failure()));
}

}  // namespace babilu::proxy
