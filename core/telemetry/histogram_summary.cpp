#include "core/telemetry/histogram_summary.h"

#include <cstdint>
#include <limits>
#include <span>

namespace babilu::telemetry {

namespace {

constexpr std::uint64_t us = 1'000;
constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t s = 1'000'000'000;

// Recorded units (ns, bytes, things), ascending.
constexpr std::uint64_t second_bounds[] = {50 * us,    100 * us, 250 * us, 500 * us, 1 * ms,
                                           2'500 * us, 5 * ms,   10 * ms,  25 * ms,  50 * ms,
                                           100 * ms,   250 * ms, 500 * ms, 1 * s,    2'500 * ms,
                                           5 * s,      10 * s,   30 * s,   60 * s};
constexpr std::uint64_t byte_bounds[] = {1u << 6,  1u << 8,  1u << 10, 1u << 12, 1u << 14, 1u << 16,
                                         1u << 18, 1u << 20, 1u << 22, 1u << 24, 1u << 26};
constexpr std::uint64_t count_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};

std::span<const std::uint64_t> bounds_of(HistogramUnit unit) {
  switch (unit) {
    case HistogramUnit::seconds:
      return second_bounds;
    case HistogramUnit::bytes:
      return byte_bounds;
    case HistogramUnit::count:
      break;
  }
  return count_bounds;
}

}  // namespace

HistogramSummary summarise(const LatencyHistogram& histogram, HistogramUnit unit) {
  // Divided, not multiplied by 1e-9: 50'000 / 1e9 is the double nearest to 0.00005.
  const double units = unit == HistogramUnit::seconds ? 1e9 : 1.0;
  const auto in_base = [&](std::uint64_t value) { return static_cast<double>(value) / units; };

  HistogramSummary summary;
  summary.count = histogram.count();
  summary.sum = in_base(histogram.sum());
  summary.max = in_base(histogram.max());
  summary.p50 = in_base(histogram.quantile(0.5));
  summary.p90 = in_base(histogram.quantile(0.9));
  summary.p99 = in_base(histogram.quantile(0.99));
  summary.p999 = in_base(histogram.quantile(0.999));
  for (const std::uint64_t bound : bounds_of(unit)) {
    summary.buckets.push_back({in_base(bound), histogram.count_up_to(bound)});
  }
  summary.buckets.push_back({std::numeric_limits<double>::infinity(), histogram.count()});
  return summary;
}

}  // namespace babilu::telemetry
