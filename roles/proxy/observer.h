#pragma once

#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {

/// Turns what happens in a proxy into metrics and log lines. Shared by its Runtimes.
class Observer final : public RelayObserver {
 public:
  Observer(telemetry::Metrics& metrics, telemetry::Log log);

  void on_session_opened();
  void on_session_closed();
  void on_handshake_failed();

  /// Of all Runtimes together.
  std::int64_t links_up() const noexcept { return links_up_.value(); }

  void on_relayed(const Link& link, std::uint16_t method, rpc::Code code,
                  Clock::duration latency) override;
  void on_refused(rpc::Code code) override;
  void on_resent(const Link& link) override;
  void on_link_up(const Link& link) override;
  void on_link_lost(const Link& link) override;

 private:
  telemetry::Log log_;
  telemetry::Gauge& sessions_;
  telemetry::Counter& sessions_total_;
  telemetry::Counter& handshakes_failed_;
  telemetry::Counter& relayed_;
  telemetry::Counter& relayed_errors_;
  telemetry::Counter& refused_;
  telemetry::Counter& resent_;
  telemetry::Gauge& links_up_;
  telemetry::Counter& links_lost_;
  telemetry::AtomicHistogram& latency_;
};

}  // namespace babilu::proxy
