#pragma once

#include "core/rpc/session.h"
#include "core/telemetry/metrics.h"

namespace babilu::backend {

/// A backend's metrics of links and requests.
class Observer final : public rpc::SessionObserver {
 public:
  explicit Observer(telemetry::Metrics& metrics);

  void on_link_opened() { links_.add(); }
  void on_link_closed() { links_.subtract(); }
  /// A connection that had not proved to be a proxy's gave way to others.
  void on_stranger_gone() { strangers_gone_.add(); }
  void on_reply(const rpc::MethodTraits& method, rpc::Code code, Clock::duration latency) override;

 private:
  telemetry::Gauge& links_;
  telemetry::Counter& strangers_gone_;
  telemetry::Counter& requests_;
  telemetry::Counter& errors_;
  telemetry::AtomicHistogram& latency_;
};

}  // namespace babilu::backend
