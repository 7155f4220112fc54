#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/runtime/clock.h"
#include "core/runtime/deferred.h"
#include "core/telemetry/metrics.h"

namespace babilu {
class Runtime;
}

namespace babilu::proxy {

/// Why a backend is down, as the last that tried to reach it found; empty while it is not. Any
/// thread.
class DownCause {
 public:
  /// True when it was not set before since the backend was up: worth a line in the log. Some causes
  /// take turns, such as a name that is found too late or not at all.
  bool set(const std::string& why);
  void clear();
  std::string get() const;

 private:
  mutable std::mutex mutex_;
  std::string why_;
  std::vector<std::string> told_;
};

/// What is counted of one backend by all Runtimes of a proxy together. Any thread. Its series go
/// with it.
struct BackendFigures {
  BackendFigures(telemetry::Metrics& metrics, const std::string& backend);
  ~BackendFigures();
  BackendFigures(const BackendFigures&) = delete;
  BackendFigures& operator=(const BackendFigures&) = delete;

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
  DownCause down_cause;

 private:
  telemetry::Metrics& metrics_;
  const std::string backend_;
};

/// The same of all backends together.
struct RelayTotals {
  explicit RelayTotals(telemetry::Metrics& metrics);

  telemetry::Counter& requests;
  telemetry::Counter& errors;
  telemetry::AtomicHistogram& latency;
};

/// What one link adds to its backend's figures: gathered without atomics, and handed over once in
/// each turn of the loop. Thread: the Runtime's.
class Tally {
 public:
  Tally(Runtime& runtime, BackendFigures& figures, RelayTotals& totals);
  ~Tally() { publish(); }

  void sent(std::size_t bytes) noexcept {
    ++in_flight_;
    sent_bytes_ += bytes;
    publish_.schedule();
  }
  void answered(std::size_t bytes, bool fault, bool error, Clock::duration latency) {
    --in_flight_;
    received_bytes_ += bytes;
    faults_ += fault ? 1 : 0;
    errors_ += error ? 1 : 0;
    latencies_.add(latency);
    publish_.schedule();
  }
  /// One was not answered in time. It may be yet.
  void silent() noexcept {
    ++faults_;
    publish_.schedule();
  }
  void lost() noexcept {
    --in_flight_;
    publish_.schedule();
  }

 private:
  void publish();

  BackendFigures& figures_;
  RelayTotals& totals_;
  Deferred publish_;
  std::int64_t in_flight_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t errors_ = 0;
  telemetry::HistogramBatch latencies_;
};

/// Which services are offered, over all links of all Runtimes, and which are to be. Any thread.
class ServiceBoard {
 public:
  /// By a link that is up now.
  void add(std::uint8_t id, const std::string& name);
  void remove(std::uint8_t id);
  /// By a link, up or down, whose backend offered it when it was last there, and has not been taken
  /// out of the configuration.
  void expect(std::uint8_t id);
  void expect_no_more(std::uint8_t id);
  /// Names of those that are expected and not offered: what readiness depends on. A service that is
  /// taken out on purpose is not missing: its backend has come back without it, or is gone itself.
  std::vector<std::string> missing() const;

 private:
  struct Service {
    std::string name;
    int links = 0;
    int expected = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::uint8_t, Service> services_;
};

/// The figures of each backend that a link is for, by name. They go with the last link, also when
/// that ends some time after its backend was taken out of the configuration. Any thread.
class Figures {
 public:
  explicit Figures(telemetry::Metrics& metrics) : metrics_(metrics), totals_(metrics) {}
  /// Kept as long as any of these is; must not outlive this.
  std::shared_ptr<BackendFigures> of(const std::string& backend);
  ServiceBoard& services() noexcept { return services_; }
  RelayTotals& totals() noexcept { return totals_; }
  /// Visits all in order of name, under a lock.
  template <class Visit>
  void each(Visit visit) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, entry] : figures_) visit(name, *entry.figures);
  }

 private:
  struct Entry {
    std::unique_ptr<BackendFigures> figures;
    std::size_t users = 0;
  };
  void give_back(const std::string& backend);

  telemetry::Metrics& metrics_;
  RelayTotals totals_;
  ServiceBoard services_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> figures_;
};

}  // namespace babilu::proxy
