#pragma once

#include "core/rpc/session.h"
#include "core/telemetry/metrics.h"

namespace babilu::server {

/// Metrics of connections and requests. Any thread.
class ServerMetrics final : public rpc::SessionObserver {
 public:
  explicit ServerMetrics(telemetry::Metrics& metrics);

  void on_connection_opened() { connections_.add(); }
  void on_connection_closed() { connections_.subtract(); }
  /// A connection that had proved nothing yet gave way to others.
  void on_stranger_gone() { strangers_gone_.add(); }
  void on_reply(const rpc::MethodTraits& method, rpc::Code code, Clock::duration latency) override;

 private:
  telemetry::Gauge& connections_;
  telemetry::Counter& strangers_gone_;
  telemetry::Counter& requests_;
  telemetry::Counter& errors_;
  telemetry::AtomicHistogram& latency_;
};

}  // namespace babilu::server
