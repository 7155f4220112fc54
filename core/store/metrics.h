#pragma once

#include "core/telemetry/metrics.h"

namespace babilu::store {

/// What the stores of a node count. Registered once, shared by all stores with the same registry.
struct StoreMetrics {
  explicit StoreMetrics(telemetry::Metrics& registry);

  telemetry::Counter& committed;    ///< units whose effect was kept
  telemetry::Counter& rolled_back;  ///< units that said roll back
  telemetry::Counter& failed;       ///< units answered with an error
  telemetry::Counter& reads;        ///< units that read
  telemetry::Counter& commits;      ///< transactions, one fsync each
  telemetry::Counter& lost;         ///< transactions that SQLite gave up, or whose COMMIT failed
  telemetry::Counter& checkpoints;
  telemetry::Counter& refused_writes;  ///< queue full, or longer than the deadline
  telemetry::Counter& refused_reads;
  telemetry::Counter& late;                   ///< deadline passed in the queue
  telemetry::AtomicHistogram& group_units;    ///< units a transaction
  telemetry::AtomicHistogram& group_seconds;  ///< from BEGIN to the end of COMMIT
  telemetry::AtomicHistogram& turn_seconds;   ///< waiting for other processes
  telemetry::Gauge& waiting_writes;
  telemetry::Gauge& waiting_reads;
  telemetry::Gauge& log_pages;  ///< of the write-ahead log
};

}  // namespace babilu::store
