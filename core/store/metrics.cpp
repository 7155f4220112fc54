#include "core/store/metrics.h"

namespace babilu::store {

namespace {

constexpr auto units_help = "Units that write, by what became of them.";
constexpr auto refused_help =
    "Units refused because the queue was full or longer than their deadline.";
constexpr auto waiting_help = "Units that wait for a thread of the store.";

}  // namespace

StoreMetrics::StoreMetrics(telemetry::Metrics& registry)
    : committed(registry.counter("babilu_store_units_total", units_help, {{"end", "committed"}})),
      rolled_back(
          registry.counter("babilu_store_units_total", units_help, {{"end", "rolled_back"}})),
      failed(registry.counter("babilu_store_units_total", units_help, {{"end", "failed"}})),
      reads(registry.counter("babilu_store_reads_total", "Units that read.")),
      commits(registry.counter("babilu_store_commits_total",
                               "Transactions committed, each with one flush to disk.")),
      lost(registry.counter("babilu_store_lost_transactions_total",
                            "Transactions that were given up, or whose COMMIT failed.")),
      checkpoints(registry.counter("babilu_store_checkpoints_total",
                                   "Times that the write-ahead log was copied into the file.")),
      refused_writes(
          registry.counter("babilu_store_refused_total", refused_help, {{"queue", "write"}})),
      refused_reads(
          registry.counter("babilu_store_refused_total", refused_help, {{"queue", "read"}})),
      late(registry.counter("babilu_store_late_total",
                            "Units whose deadline passed while they waited.")),
      group_units(registry.histogram("babilu_store_group_units", "Units in one transaction.", {},
                                     telemetry::HistogramUnit::count)),
      group_seconds(registry.histogram("babilu_store_group_seconds",
                                       "Time from BEGIN to the end of COMMIT.")),
      turn_seconds(registry.histogram("babilu_store_turn_seconds",
                                      "Time spent waiting for other processes' turns.")),
      waiting_writes(
          registry.gauge("babilu_store_waiting_units", waiting_help, {{"queue", "write"}})),
      waiting_reads(
          registry.gauge("babilu_store_waiting_units", waiting_help, {{"queue", "read"}})),
      log_pages(registry.gauge("babilu_store_log_pages", "Pages in the write-ahead log.")) {}

}  // namespace babilu::store
