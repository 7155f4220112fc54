#include "core/store/readers.h"

#include <cassert>
#include <utility>

#include "core/runtime/runtime.h"

namespace babilu::store {

namespace {

StoreError too_late() {
  return {ErrorCode::deadline_exceeded, "the deadline passed before the database got to it"};
}

/// A unit that waits, in the gauge, until it begins or gives up.
class WaitingRead {
 public:
  explicit WaitingRead(StoreMetrics& metrics) : metrics_(metrics) { metrics_.waiting_reads.add(); }
  ~WaitingRead() { end(); }
  WaitingRead(const WaitingRead&) = delete;
  WaitingRead& operator=(const WaitingRead&) = delete;
  void end() {
    if (std::exchange(waits_, false)) metrics_.waiting_reads.subtract();
  }

 private:
  StoreMetrics& metrics_;
  bool waits_ = true;
};

}  // namespace

Readers::Readers(std::vector<std::unique_ptr<Connection>> connections, const StoreOptions& options,
                 StoreMetrics& metrics, telemetry::Metrics& registry)
    : options_(options), metrics_(metrics), registry_(registry), idle_(std::move(connections)) {}

Readers::~Readers() = default;

OffloadPool& Readers::threads() {
  std::call_once(started_, [this] {
    threads_ = std::make_unique<OffloadPool>(
        OffloadPool::Options{
            .name = "store_reads", .threads = options_.readers, .queue = options_.read_queue},
        registry_);
  });
  return *threads_;
}

task<> Readers::run(Runtime& runtime, detail::ReadWork& work, Deadline deadline) {
  if (runtime.simulated()) {
    if (runtime.now() < deadline) {
      run_here(work);
    } else {
      work.failure = explain(NotRun::late);
    }
    co_return;
  }
  WaitingRead waiting(metrics_);
  auto on_thread = [this, &work, &waiting] {
    waiting.end();
    run_here(work);
    return true;
  };
  const auto ran = co_await threads().run(runtime, std::move(on_thread), deadline);
  if (!ran) work.failure = explain(ran.error());
}

StoreError Readers::explain(NotRun why) {
  if (why == NotRun::late) {
    metrics_.late.add();
    return too_late();
  }
  metrics_.refused_reads.add();
  StoreError refused(ErrorCode::refused, "too many reads wait for the database");
  refused.retry_after = std::chrono::ceil<std::chrono::milliseconds>(threads().expected_wait() +
                                                                     std::chrono::milliseconds(1));
  return refused;
}

void Readers::run_here(detail::ReadWork& work) {
  std::unique_ptr<Connection> connection;
  {
    std::lock_guard lock(mutex_);
    assert(!idle_.empty());  // there is one for each thread
    connection = std::move(idle_.back());
    idle_.pop_back();
  }
  run_on(*connection, work);
  std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

void Readers::run_on(Connection& connection, detail::ReadWork& work) {
  metrics_.reads.add();
  try {
    connection.execute("begin");
    Snapshot snapshot(connection);
    work.run(snapshot);
  } catch (const DatabaseError& error) {
    work.failure = error.error();
  } catch (...) {
    work.bug = std::current_exception();
  }
  try {
    if (connection.in_transaction()) connection.execute("rollback");
  } catch (const DatabaseError& error) {
    work.failure = error.error();
  }
}

}  // namespace babilu::store
