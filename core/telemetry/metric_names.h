#pragma once

#include <string>
#include <string_view>

#include "core/telemetry/metric_snapshot.h"

namespace babilu::telemetry {

/// Throw std::invalid_argument for what Prometheus or OpenMetrics would refuse, or read wrongly.
void check_family(std::string_view name, std::string_view help, MetricKind kind);
/// Also sorts the labels by name and makes their values valid UTF-8.
void check_labels(std::string_view family, Labels& labels);

/// What OpenMetrics calls the family: without a counter's _total.
std::string_view base_name(std::string_view name, MetricKind kind);
/// The unit that a name ends in before _total: seconds, bytes, ratio, or empty.
std::string_view unit_of(std::string_view name, MetricKind kind);

}  // namespace babilu::telemetry
