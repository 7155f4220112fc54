#include "core/store/writer.h"

#include <algorithm>
#include <cassert>

#include <boost/asio/use_awaitable.hpp>

#include "core/runtime/runtime.h"
#include "core/store/resumption.h"

namespace babilu::store {

namespace asio = boost::asio;

namespace {

// How soon the thread looks at new deadlines while it waits for the turn.
constexpr std::chrono::milliseconds turn_slice{20};

StoreError too_late() {
  return {ErrorCode::deadline_exceeded, "the deadline passed before the database got to it"};
}

StoreError locked() {
  return {ErrorCode::unavailable, "another process keeps the database locked"};
}

StoreError refused(const char* why, std::chrono::nanoseconds expected_wait) {
  StoreError error(ErrorCode::refused, why);
  error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(
      std::max<std::chrono::nanoseconds>(expected_wait, std::chrono::milliseconds(1)));
  return error;
}

}  // namespace

struct Writer::Waiting final : GroupMember {
  Waiting(Runtime& runtime, detail::WriteWork& its_work, AfterLostCommit after)
      : resumption(runtime) {
    work = &its_work;
    after_lost = after;
  }

  Resumption resumption;
  Time give_up;
};

Writer::Writer(DatabaseFile file, const StoreOptions& options, StoreMetrics& metrics,
               Health& health)
    : options_(options),
      metrics_(metrics),
      health_(health),
      files_(std::move(file.files)),
      turn_(std::move(file.turn)),
      group_commit_(std::move(file.connection), *turn_, *files_, options.path, metrics, health,
                    options.log) {}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  assert(queue_.empty());  // all that was accepted has its answer
  // Only to leave a short log behind: not worth a wait.
  if (turn_->acquire(std::chrono::steady_clock::now())) group_commit_.last_checkpoint();
}

task<> Writer::run(Runtime& runtime, detail::WriteWork& work, Deadline deadline,
                   AfterLostCommit after_lost) {
  std::optional<std::chrono::nanoseconds> left;
  if (deadline != no_deadline) left = deadline - runtime.now();
  if (left && left->count() <= 0) {
    metrics_.late.add();
    work.failure = too_late();
    co_return;
  }
  Waiting waiting(runtime, work, after_lost);
  if (runtime.simulated()) {
    run_inline(waiting);
    co_return;
  }
  std::call_once(started_, [this] { thread_ = std::thread([this] { this->work(); }); });
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this, &waiting, &left](Resumption::Handler handler) {
        waiting.resumption.set(std::move(handler));
        auto error = submit(waiting, left);
        if (!error) return;
        waiting.work->failure = std::move(error);
        Resumption* const only[] = {&waiting.resumption};
        resume_all(only);
      },
      asio::use_awaitable_t<Executor>{});
}

void Writer::run_inline(Waiting& unit) {
  if (!turn_->acquire(std::chrono::steady_clock::now() + options_.patience)) {
    turn_->withdraw();
    unit.work->failure = locked();
    health_.bad(locked());
    return;
  }
  bool given = false;
  group_commit_.run([&] { return std::exchange(given, true) ? nullptr : &unit; });
  checkpoint_if_due();
  turn_->release();
}

std::optional<StoreError> Writer::submit(Waiting& unit,
                                         std::optional<std::chrono::nanoseconds> left) {
  {
    std::lock_guard lock(mutex_);
    if (closing_) return StoreError(ErrorCode::unavailable, "the database is being closed");
    const bool full = queue_.size() >= options_.write_queue;
    if (full || (left && expected_wait() > *left)) {
      metrics_.refused_writes.add();
      return refused(full ? "the database's queue is full"
                          : "the database's queue is longer than the deadline",
                     expected_wait());
    }
    const std::chrono::nanoseconds patience = options_.patience;
    unit.give_up = std::chrono::steady_clock::now() + std::min(left.value_or(patience), patience);
    queue_.push_back(&unit);
    metrics_.waiting_writes.add();
  }
  wake_.notify_one();
  return std::nullopt;
}

void Writer::work() {
  while (wait_for_units()) {
    if (!take_turn()) continue;
    run_group();
    turn_->release();
  }
}

bool Writer::wait_for_units() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
  return !queue_.empty();
}

bool Writer::take_turn() {
  const Time begin = std::chrono::steady_clock::now();
  for (;;) {
    if (turn_->acquire(std::chrono::steady_clock::now() + turn_slice)) {
      metrics_.turn_seconds.record(std::chrono::steady_clock::now() - begin);
      return true;
    }
    const auto late = remove_expired(std::chrono::steady_clock::now());
    if (!late.empty()) health_.bad(locked());
    answer_late(late, locked());
    std::lock_guard lock(mutex_);
    if (queue_.empty()) {
      turn_->withdraw();
      return false;
    }
  }
}

void Writer::run_group() {
  const Time begin = std::chrono::steady_clock::now();
  answer_late(remove_expired(begin), too_late());
  std::vector<Resumption*> done;
  const auto next = [&]() -> GroupMember* {
    Waiting* const unit = take_for_group(done.size(), begin + options_.group_time);
    if (unit != nullptr) done.push_back(&unit->resumption);
    return unit;
  };
  group_commit_.run(next);
  if (done.empty()) return;
  const auto spent = std::chrono::steady_clock::now() - begin;
  metrics_.group_units.record_value(done.size());
  metrics_.group_seconds.record(spent);
  learn_cost(spent);
  resume_all(done);
  checkpoint_if_due();
}

void Writer::checkpoint_if_due() {
  const bool soon = checkpoint_soon_.exchange(false);
  group_commit_.checkpoint_if_due(soon ? 1 : options_.checkpoint_pages);
}

Writer::Waiting* Writer::take_for_group(std::size_t taken, Time group_ends) {
  const bool full = taken >= options_.group_units;
  if (full || (taken > 0 && std::chrono::steady_clock::now() >= group_ends)) return nullptr;
  std::lock_guard lock(mutex_);
  if (queue_.empty()) return nullptr;
  Waiting* const unit = queue_.front();
  queue_.pop_front();
  metrics_.waiting_writes.subtract();
  return unit;
}

std::vector<Writer::Waiting*> Writer::remove_expired(Time now) {
  std::lock_guard lock(mutex_);
  std::vector<Waiting*> removed;
  std::erase_if(queue_, [&](Waiting* unit) {
    const bool expired = unit->give_up <= now;
    if (expired) removed.push_back(unit);
    return expired;
  });
  metrics_.waiting_writes.subtract(static_cast<std::int64_t>(removed.size()));
  return removed;
}

void Writer::answer_late(const std::vector<Waiting*>& late, const StoreError& error) {
  std::vector<Resumption*> resumptions;
  for (Waiting* unit : late) {
    unit->work->failure = error;
    resumptions.push_back(&unit->resumption);
  }
  metrics_.late.add(late.size());
  resume_all(resumptions);
}

void Writer::learn_cost(std::chrono::nanoseconds spent) {
  std::lock_guard lock(mutex_);
  cost_of_group_ = cost_of_group_.count() == 0 ? spent : (7 * cost_of_group_ + spent) / 8;
}

std::chrono::nanoseconds Writer::expected_wait() const {
  const auto groups_ahead = queue_.size() / std::max<std::size_t>(options_.group_units, 1);
  return cost_of_group_ * static_cast<std::int64_t>(groups_ahead);
}

}  // namespace babilu::store
