#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/telemetry/metrics.h"

namespace babilu::proxy {

/// Counts refusals by their reasons: of a fixed set, so that no client can add to the metrics. Any
/// thread. Cost: a few comparisons; for refusals alone.
class Refusals {
 public:
  /// A counter for each reason and one for "other", all of them there from the start.
  Refusals(telemetry::Metrics& metrics, std::string_view name, std::string_view help,
           std::span<const std::string_view> reasons);

  void count(std::string_view reason) noexcept;
  /// Visits each reason and how often it was counted.
  template <class Visit>
  void each(Visit visit) const {
    for (const Entry& entry : entries_) visit(entry.reason, entry.counter.value());
  }

 private:
  struct Entry {
    std::string reason;
    telemetry::Counter& counter;
  };
  std::vector<Entry> entries_;  ///< the last is "other"
};

/// Of connections that a limit did not let in.
Refusals refused_sessions(telemetry::Metrics& metrics);
/// Of requests that the proxy itself answered with an error.
Refusals refused_requests(telemetry::Metrics& metrics);

}  // namespace babilu::proxy
