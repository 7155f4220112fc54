#include "core/admin/stats.h"

#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "core/runtime/lifecycle.h"

namespace babilu::admin {

namespace json = boost::json;
using telemetry::FamilySnapshot;
using telemetry::MetricKind;
using telemetry::SeriesSnapshot;

namespace {

/// JSON has neither infinity nor NaN.
json::value number(double value) {
  if (!std::isfinite(value)) return nullptr;
  constexpr double exact = 9007199254740992;  // 2⁵³
  if (value == std::floor(value) && std::abs(value) <= exact) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

const char* to_string(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return "counter";
    case MetricKind::gauge:
      return "gauge";
    case MetricKind::histogram:
      return "histogram";
  }
  return "unknown";
}

void add_histogram(json::object& out, const telemetry::HistogramSummary& histogram) {
  out["count"] = histogram.count;
  out["sum"] = number(histogram.sum);
  out["max"] = number(histogram.max);
  out["p50"] = number(histogram.p50);
  out["p90"] = number(histogram.p90);
  out["p99"] = number(histogram.p99);
  out["p999"] = number(histogram.p999);
  json::array buckets;
  for (const auto& bucket : histogram.buckets) {
    if (!std::isfinite(bucket.upper_bound)) continue;
    buckets.push_back(json::array{number(bucket.upper_bound), bucket.cumulative});
  }
  out["buckets"] = std::move(buckets);
}

json::object series_stats(const SeriesSnapshot& series, MetricKind kind) {
  json::object out;
  if (!series.labels.empty()) {
    json::object& labels = out["labels"].emplace_object();
    for (const auto& [name, value] : series.labels) labels[name] = value;
  }
  if (kind == MetricKind::histogram) {
    add_histogram(out, series.histogram);
  } else {
    out["value"] = number(series.value);
  }
  return out;
}

}  // namespace

json::object lifecycle_stats(const Lifecycle& lifecycle) {
  const Phase phase = lifecycle.phase();
  bool ready = phase == Phase::ready;
  json::array checks;
  for (const auto& [name, failure, warning] : lifecycle.run_checks()) {
    json::object check{{"name", name}, {"ok", !failure.has_value()}};
    if (failure) {
      ready = false;
      check["failure"] = *failure;
    }
    if (warning) check["warning"] = *warning;
    checks.push_back(std::move(check));
  }
  json::object out;
  out["phase"] = babilu::to_string(phase);
  out["ready"] = ready;
  out["checks"] = std::move(checks);
  return out;
}

json::array metric_stats(const std::vector<FamilySnapshot>& families) {
  json::array out;
  for (const FamilySnapshot& family : families) {
    json::object entry{{"name", family.name}, {"kind", to_string(family.kind)}};
    if (!family.unit.empty()) entry["unit"] = family.unit;
    entry["help"] = family.help;
    json::array& all = entry["series"].emplace_array();
    for (const SeriesSnapshot& series : family.series) {
      all.push_back(series_stats(series, family.kind));
    }
    out.push_back(std::move(entry));
  }
  return out;
}

json::object process_stats(const std::vector<FamilySnapshot>& families) {
  constexpr std::string_view prefix = "process_";
  json::object out;
  for (const FamilySnapshot& family : families) {
    const bool plain = family.kind != MetricKind::histogram && family.series.size() == 1;
    if (!plain || !family.name.starts_with(prefix)) continue;
    out[family.name.substr(prefix.size())] = number(family.series.front().value);
  }
  return out;
}

std::string log_json(const telemetry::Log& log) {
  std::string out = R"({"entries":[)";
  bool first = true;
  for (const telemetry::LogEntry& entry : log.recent()) {
    if (!first) out += ",\n";
    first = false;
    out += telemetry::format_entry(entry, telemetry::LogFormat::json);
  }
  const telemetry::LogStatistics statistics = log.statistics();
  out += R"(],"entries_total":{)";
  for (std::size_t level = 0; level < statistics.entries.size(); ++level) {
    const auto name = to_string(static_cast<telemetry::LogLevel>(level));
    out += fmt::format(R"({}"{}":{})", level == 0 ? "" : ",", name, statistics.entries[level]);
  }
  out += fmt::format(R"(}},"suppressed":{},"lost":{}}})", statistics.suppressed, statistics.lost);
  return out + "\n";
}

}  // namespace babilu::admin
