#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace babilu::telemetry {

/// Name and value pairs that tell the series of a family apart. Static: decided by code and
/// configuration, never by what a client sends.
using Labels = std::vector<std::pair<std::string, std::string>>;

enum class MetricKind { counter, gauge, histogram };

/// A histogram as people read it. All values are in the family's base unit (seconds, not ns).
struct HistogramSummary {
  struct Bucket {
    double upper_bound = 0;        // the last is +infinity
    std::uint64_t cumulative = 0;  // samples at or below it
  };

  std::uint64_t count = 0;
  double sum = 0;
  double max = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double p999 = 0;
  std::vector<Bucket> buckets;
};

struct SeriesSnapshot {
  Labels labels;               // sorted by name
  double value = 0;            // of a counter or gauge
  HistogramSummary histogram;  // of a histogram
};

/// What a scrape or /stats sees of one family, apart from the registry: plain values.
struct FamilySnapshot {
  std::string name;
  std::string help;
  std::string unit;  // "seconds", "bytes", "ratio" where the name says so, else empty
  MetricKind kind = MetricKind::counter;
  std::vector<SeriesSnapshot> series;
};

}  // namespace babilu::telemetry
