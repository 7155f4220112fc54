#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/telemetry/metric_snapshot.h"

namespace babilu::telemetry {

class Metrics;

struct Exposition {
  std::string content_type;
  std::string body;
};

/// What /metrics answers: OpenMetrics 1.0 when the Accept header of the request prefers it to plain
/// text, else the Prometheus text format 0.0.4 (also for an empty header, and for one that names
/// neither: a scraper is better served by text than by 406). Any thread.
Exposition expose(const Metrics& metrics, std::string_view accept);

/// The Prometheus text exposition format 0.0.4.
std::string prometheus_text(const std::vector<FamilySnapshot>& families);
/// OpenMetrics 1.0.0 text.
std::string openmetrics_text(const std::vector<FamilySnapshot>& families);
/// Whether an Accept header (RFC 9110 §12.5.1) prefers OpenMetrics 1.0 to plain text.
bool prefers_openmetrics(std::string_view accept);

}  // namespace babilu::telemetry
