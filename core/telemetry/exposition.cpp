#include "core/telemetry/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "core/telemetry/metrics.h"

namespace babilu::telemetry {

namespace {

prometheus::ClientMetric::Histogram converted(const HistogramSummary& summary) {
  prometheus::ClientMetric::Histogram histogram;
  histogram.sample_count = summary.count;
  histogram.sample_sum = summary.sum;
  for (const auto& [upper_bound, cumulative] : summary.buckets) {
    histogram.bucket.push_back({cumulative, upper_bound});
  }
  return histogram;
}

prometheus::MetricFamily converted(const FamilySnapshot& family) {
  prometheus::MetricFamily made;
  made.name = family.name;
  made.help = family.help;
  made.type = family.kind == MetricKind::counter ? prometheus::MetricType::Counter
              : family.kind == MetricKind::gauge ? prometheus::MetricType::Gauge
                                                 : prometheus::MetricType::Histogram;
  for (const SeriesSnapshot& series : family.series) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : series.labels) metric.label.push_back({name, value});
    metric.counter.value = series.value;
    metric.gauge.value = series.value;
    if (family.kind == MetricKind::histogram) metric.histogram = converted(series.histogram);
    made.metric.push_back(std::move(metric));
  }
  return made;
}

}  // namespace

std::string prometheus_text(const std::vector<FamilySnapshot>& families) {
  std::vector<prometheus::MetricFamily> converted_families;
  for (const FamilySnapshot& family : families) converted_families.push_back(converted(family));
  return prometheus::TextSerializer().Serialize(converted_families);
}

Exposition expose(const Metrics& metrics, std::string_view accept) {
  if (prefers_openmetrics(accept)) {
    return {"application/openmetrics-text; version=1.0.0; charset=utf-8",
            openmetrics_text(metrics.snapshot())};
  }
  return {"text/plain; version=0.0.4; charset=utf-8", prometheus_text(metrics.snapshot())};
}

}  // namespace babilu::telemetry
