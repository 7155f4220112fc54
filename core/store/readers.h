#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "core/runtime/clock.h"
#include "core/runtime/offload.h"
#include "core/runtime/task.h"
#include "core/store/connection.h"
#include "core/store/metrics.h"
#include "core/store/options.h"
#include "core/store/unit.h"

namespace babilu::store {

/// Threads with a connection each, for units that only read, each on a snapshot of its own, beside
/// the writer and each other. The threads start with the first unit of a Runtime that is not
/// simulated; units of a simulated one run in the call.
class Readers {
 public:
  Readers(std::vector<std::unique_ptr<Connection>> connections, const StoreOptions& options,
          StoreMetrics& metrics, telemetry::Metrics& registry);
  ~Readers();  ///< finishes what it has accepted
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  task<> run(Runtime& runtime, detail::ReadWork& work, Deadline deadline);

 private:
  OffloadPool& threads();
  StoreError explain(NotRun why);
  void run_here(detail::ReadWork& work);
  void run_on(Connection& connection, detail::ReadWork& work);

  const StoreOptions& options_;
  StoreMetrics& metrics_;
  telemetry::Metrics& registry_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  ///< never empty when a thread needs one
  std::once_flag started_;
  std::unique_ptr<OffloadPool> threads_;
};

}  // namespace babilu::store
