#pragma once

#include <atomic>

#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "roles/proxy/refusals.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {

/// Turns what happens in a proxy into metrics, log lines and the access log. Shared by its
/// Runtimes.
class Observer : public RelayObserver {
 public:
  Observer(telemetry::Metrics& metrics, telemetry::Log log, telemetry::Log access);

  void on_session_opened();
  void on_session_closed();
  void on_handshake_failed();
  void on_session_resumed();
  /// The reason is that of Admission.
  void on_turned_away(std::string_view reason);

  /// Writes one of so many requests to the access log; 0: none. Any thread.
  void set_access_log(unsigned one_of) noexcept { access_one_of_.store(one_of); }

  /// Of all Runtimes together.
  std::int64_t links_up() const noexcept { return links_up_.value(); }
  const Refusals& refused_sessions() const noexcept { return refused_sessions_; }
  const Refusals& refused_requests() const noexcept { return refused_requests_; }

  void on_relayed(const Access& access, const wire::Frame& reply) override;
  void on_refused(const Access& access, const rpc::Status& why) override;
  void on_resent(const Link& link) override;
  void on_link_up(const Link& link) override;
  void on_link_lost(const Link& link, bool was_up) override;
  void on_link_failed(const Link& link) override;
  void on_ejected(const Link& link, double times_as_slow) override;
  void on_slow_reader() override;
  void on_slowed() override;

 private:
  bool takes_turn() noexcept;
  /// Apart, as every request would pay for its frame.
  [[gnu::noinline]] void log_relayed(const Access& access, const wire::Frame& reply);
  void log_access(const Access& access, std::string_view request_id);
  void log_failure(std::string_view what, const Link& link);

  telemetry::Log log_;
  telemetry::Log access_;
  std::atomic<unsigned> access_one_of_{0};
  std::atomic<unsigned> access_turn_{0};
  telemetry::Gauge& sessions_;
  telemetry::Counter& sessions_total_;
  Refusals refused_sessions_;
  telemetry::Counter& handshakes_failed_;
  telemetry::Counter& resumed_;
  Refusals refused_requests_;
  telemetry::Counter& resent_;
  telemetry::Counter& slow_readers_;
  telemetry::Counter& slowed_;
  telemetry::Gauge& links_up_;
  telemetry::Counter& links_lost_;
};

}  // namespace babilu::proxy
