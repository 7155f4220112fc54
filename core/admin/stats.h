#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "core/telemetry/log.h"
#include "core/telemetry/metric_snapshot.h"

namespace babilu {
class Lifecycle;
}

namespace babilu::admin {

/// A part of /stats that a role adds: whatever its people want to see, as JSON.
using StatsSource = std::function<boost::json::value()>;

/// The readings that /stats and the dashboard are made of. All are taken now, on this thread.

/// {"phase", "ready", "checks": [{"name", "ok", "failure"?}]}
boost::json::object lifecycle_stats(const Lifecycle& lifecycle);

/// [{"name", "kind", "unit"?, "help", "series": [{"labels"?, "value"} or {"labels"?, "count",
/// "sum", "max", "p50", "p90", "p99", "p999", "buckets": [[upper bound, cumulative count], …]}]}].
/// The quantiles are of all that was ever recorded; whoever wants those of the last seconds takes
/// the difference of two readings' buckets. The last bucket, without a bound, is left out: it is
/// "count".
boost::json::array metric_stats(const std::vector<telemetry::FamilySnapshot>& families);

/// The families named process_…, as {"resident_memory_bytes": 1, …}.
boost::json::object process_stats(const std::vector<telemetry::FamilySnapshot>& families);

/// What /log answers: {"entries": [{"time", "level", "component"?, "message", …}], "entries_total":
/// {"info": 1, …}, "suppressed", "lost"}. Oldest first; the fields of an entry stand beside its
/// message.
std::string log_json(const telemetry::Log& log);

}  // namespace babilu::admin
