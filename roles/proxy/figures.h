#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/telemetry/metrics.h"

namespace babilu::proxy {

/// What is counted of one backend by all Runtimes of a proxy together. Any thread.
struct BackendFigures {
  BackendFigures(telemetry::Metrics& metrics, const std::string& backend);

  telemetry::Gauge& links_up;
  telemetry::Gauge& in_flight;
  telemetry::Gauge& ejected;   ///< Runtimes that give it no work now
  telemetry::Gauge& draining;  ///< 1 when an operator asked for it
  telemetry::Counter& requests;
  telemetry::Counter& errors;
  telemetry::Counter& retries;
  telemetry::Counter& ejections;
  telemetry::Counter& bytes_sent;
  telemetry::Counter& bytes_received;
  telemetry::AtomicHistogram& latency;
};

/// Which services are offered, over all links of all Runtimes. Any thread.
class ServiceBoard {
 public:
  void add(std::uint8_t id, const std::string& name);
  void remove(std::uint8_t id);
  /// Names of those that were offered once and are not now: what readiness depends on.
  std::vector<std::string> missing() const;

 private:
  struct Service {
    std::string name;
    int links = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::uint8_t, Service> services_;
};

/// The figures of each backend that there is or was, by name: those of one that was taken out and
/// comes back go on. Any thread.
class Figures {
 public:
  explicit Figures(telemetry::Metrics& metrics) : metrics_(metrics) {}
  BackendFigures& of(const std::string& backend);
  ServiceBoard& services() noexcept { return services_; }
  /// Visits all in order of name, under a lock.
  template <class Visit>
  void each(Visit visit) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, figures] : figures_) visit(name, *figures);
  }

 private:
  telemetry::Metrics& metrics_;
  ServiceBoard services_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<BackendFigures>> figures_;
};

}  // namespace babilu::proxy
