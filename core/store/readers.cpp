#include "core/store/readers.h"

#include "core/runtime/runtime.h"

namespace babilu::store {

namespace {

StoreError too_late() {
  return {ErrorCode::deadline_exceeded, "the deadline passed before the database got to it"};
}

}  // namespace

Readers::Readers(std::vector<std::unique_ptr<Connection>> connections, const StoreOptions& options,
                 StoreMetrics& metrics)
    : options_(options), metrics_(metrics), idle_(std::move(connections)) {}

Readers::~Readers() = default;

task<> Readers::run(Runtime& runtime, detail::ReadWork& work, Deadline deadline) {
  const bool bounded = deadline != no_deadline;
  const auto left = bounded ? deadline - runtime.now() : Clock::duration::zero();
  if (bounded && left.count() <= 0) {
    metrics_.late.add();
    work.failure = too_late();
    co_return;
  }
  if (runtime.simulated()) {
    run_here(work);
    co_return;
  }
  std::call_once(started_, [this] {
    threads_ = std::make_unique<OffloadPool>(
        OffloadPool::Options{.threads = options_.readers, .queue = options_.read_queue});
  });
  const Time give_up = bounded ? std::chrono::steady_clock::now() + left : Time::max();
  auto on_thread = [this, &work, give_up] {
    metrics_.waiting_reads.subtract();
    if (std::chrono::steady_clock::now() < give_up) {
      run_here(work);
    } else {
      metrics_.late.add();
      work.failure = too_late();
    }
    return true;
  };
  metrics_.waiting_reads.add();
  const auto ran = co_await threads_->run(runtime, std::move(on_thread), deadline);
  if (ran) co_return;
  metrics_.waiting_reads.subtract();
  metrics_.refused_reads.add();
  work.failure = StoreError(ErrorCode::refused, "too many reads wait for the database");
  work.failure->retry_after = std::chrono::ceil<std::chrono::milliseconds>(
      threads_->expected_wait() + std::chrono::milliseconds(1));
}

void Readers::run_here(detail::ReadWork& work) {
  std::unique_ptr<Connection> connection;
  {
    std::lock_guard lock(mutex_);
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
