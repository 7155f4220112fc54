#pragma once

#include "core/telemetry/histogram.h"
#include "core/telemetry/metric_snapshot.h"
#include "core/telemetry/metrics.h"

namespace babilu::telemetry {

/// A distribution in its base unit, with the few bucket bounds that a scrape shows. Samples less
/// than 1.6 % under a bound may be counted in the next bucket.
HistogramSummary summarise(const LatencyHistogram& histogram, HistogramUnit unit);

}  // namespace babilu::telemetry
