#include "roles/proxy/observer.h"

#include <fmt/format.h>

#include "roles/proxy/client_session.h"
#include "roles/proxy/link.h"

namespace babilu::proxy {

using telemetry::field;

Observer::Observer(telemetry::Metrics& metrics, telemetry::Log log, telemetry::Log access)
    : log_(std::move(log)),
      access_(std::move(access)),
      sessions_(metrics.gauge("babilu_proxy_open_sessions", "Sessions open now")),
      sessions_total_(metrics.counter("babilu_proxy_sessions_total", "Sessions opened")),
      refused_sessions_(proxy::refused_sessions(metrics)),
      handshakes_failed_(
          metrics.counter("babilu_proxy_handshakes_failed_total", "Handshakes that failed")),
      resumed_(metrics.counter("babilu_proxy_sessions_resumed_total",
                               "Sessions opened that resumed an earlier one's TLS by a ticket")),
      refused_requests_(proxy::refused_requests(metrics)),
      resent_(metrics.counter("babilu_proxy_requests_resent_total",
                              "Requests sent to a second backend after the first was lost")),
      slow_readers_(metrics.counter("babilu_proxy_slow_readers_total",
                                    "Sessions closed because they did not read their replies")),
      slowed_(metrics.counter("babilu_proxy_sessions_slowed_total",
                              "Times that a session was not read from for a while, as it sent "
                              "more besides requests than its address may")),
      links_up_(metrics.gauge("babilu_proxy_links_up", "Links to backends that are up")),
      links_lost_(metrics.counter("babilu_proxy_links_lost_total", "Links that broke")) {}

void Observer::on_session_opened() {
  sessions_.add();
  sessions_total_.add();
}

void Observer::on_session_closed() {
  sessions_.subtract();
}
void Observer::on_handshake_failed() {
  handshakes_failed_.add();
}
void Observer::on_session_resumed() {
  resumed_.add();
}
void Observer::on_turned_away(std::string_view reason) {
  refused_sessions_.count(reason);
}

void Observer::on_relayed(const Access& access, const wire::Frame& reply) {
  if (access_one_of_.load(std::memory_order_relaxed) != 0) log_relayed(access, reply);
}

void Observer::log_relayed(const Access& access, const wire::Frame& reply) {
  if (!takes_turn()) return;
  const bool done = access.code == rpc::Code::ok;
  log_access(access, done ? "" : rpc::decode_detail(access.code, reply.message()).request_id);
}

void Observer::on_refused(const Access& access, const rpc::Status& why) {
  refused_requests_.count(why.reason);
  if (takes_turn()) log_access(access, why.request_id);
}

/// Whether this request is one of those that are logged.
bool Observer::takes_turn() noexcept {
  const unsigned one_of = access_one_of_.load(std::memory_order_relaxed);
  return one_of != 0 && access_turn_.fetch_add(1, std::memory_order_relaxed) % one_of == 0;
}

void Observer::log_access(const Access& access, std::string_view request_id) {
  access_.info("request",
               field("client", access.session == nullptr ? "gone" : access.session->remote()),
               field("method", access.method), field("status", rpc::to_string(access.code)),
               field("backend", access.link == nullptr ? "" : access.link->name()),
               field("sends", access.sends), field("reply_bytes", access.reply_bytes),
               field("microseconds",
                     std::chrono::duration_cast<std::chrono::microseconds>(access.latency).count()),
               field("request_id", request_id));
}

void Observer::on_resent(const Link& link) {
  resent_.add();
  link.figures().retries.add();
}

void Observer::on_link_up(const Link& link) {
  links_up_.add();
  log_.limited(telemetry::LogLevel::info, "link up " + link.name(), "link up",
               field("backend", link.name()));
}

void Observer::on_link_lost(const Link& link, bool was_up) {
  if (was_up) links_up_.subtract();
  if (link.last_failure().empty()) return;  // we ended it ourselves
  links_lost_.add();
  if (was_up) log_failure("link lost", link);  // else on_link_failed() tells
}

void Observer::on_link_failed(const Link& link) {
  log_failure("backend is down", link);
}

/// A backend that comes and goes all the time would fill the log.
void Observer::log_failure(std::string_view what, const Link& link) {
  log_.limited(telemetry::LogLevel::warn, fmt::format("{} {}", what, link.name()), what,
               field("backend", link.name()), field("why", link.last_failure()));
}

void Observer::on_ejected(const Link& link, double times_as_slow) {
  log_.warn("backend ejected", field("backend", link.name()),
            field("times_as_slow", times_as_slow));
}

void Observer::on_slow_reader() {
  slow_readers_.add();
}

void Observer::on_slowed() {
  slowed_.add();
}

}  // namespace babilu::proxy
