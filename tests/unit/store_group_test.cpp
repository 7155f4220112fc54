// Units that wait together, and for the turn.

#include <stdexcept>

#include "core/store/turn_lock.h"
#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

using namespace std::chrono_literals;

template <class F>
task<> write_counted(Store& store, Runtime& runtime, F unit, Deadline deadline,
                     std::vector<ErrorCode>& errors, int& done) {
  const auto result = co_await store.write(runtime, std::move(unit), deadline);
  if (!result) errors.push_back(result.error().code);
  ++done;
}

class GroupTest : public testing::Test {
 protected:
  void open(std::size_t queue = 4096) {
    StoreOptions options = options_for(directory / "db");
    options.metrics = &metrics;
    options.write_queue = queue;
    options.group_time = 1h;  // groups end by their size, however slow the machine is
    store = open_store(options);
  }
  /// Takes the turn as another process would, so that units pile up.
  void block() {
    other = TurnLock::open(directory / "db.lock").value();
    ASSERT_TRUE(other->acquire(std::chrono::steady_clock::now() + 60s));
  }
  double commits() { return metric(metrics, "babilu_store_commits_total"); }
  double waiting() { return metric(metrics, "babilu_store_waiting_units", {{"queue", "write"}}); }

  TemporaryDirectory directory;
  telemetry::Metrics metrics;
  std::unique_ptr<Store> store;
  std::unique_ptr<TurnLock> other;
};

task<> pile_up(Store& store, Runtime& runtime, TurnLock& other, int units,
               std::vector<ErrorCode>& errors, int& done) {
  Scope scope(runtime);
  for (int id = 1; id <= units; ++id) {
    auto unit = [id](Transaction& transaction) { return insert_item(transaction, id); };
    scope.spawn("unit", write_counted(store, runtime, unit, no_deadline, errors, done));
  }
  for (int i = 0; i < 3; ++i) co_await runtime.yield();
  other.release();
  co_await scope.join();
}

TEST_F(GroupTest, UnitsThatWaitTogetherAreCommittedTogether) {
  open();
  block();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(pile_up(*store, runtime, *other, 256, errors, done));
  EXPECT_EQ(done, 256);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(commits(), 1);
  EXPECT_EQ(count_items(*store), 256);
}

TEST_F(GroupTest, GroupsAreBounded) {
  open();
  block();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(pile_up(*store, runtime, *other, 600, errors, done));
  EXPECT_EQ(done, 600);
  EXPECT_GE(commits(), 3);
  EXPECT_EQ(count_items(*store), 600);
}

TEST_F(GroupTest, QueueIsBounded) {
  open(10);
  block();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(pile_up(*store, runtime, *other, 15, errors, done));
  EXPECT_EQ(done, 15);
  EXPECT_EQ(errors, std::vector<ErrorCode>(5, ErrorCode::refused));
  EXPECT_EQ(metric(metrics, "babilu_store_refused_total", {{"queue", "write"}}), 5);
  EXPECT_EQ(waiting(), 0);
  EXPECT_EQ(count_items(*store), 10);
}

task<> three_units(Store& store, Runtime& runtime, TurnLock& other, std::vector<ErrorCode>& errors,
                   int& done, bool& bug) {
  Scope scope(runtime);
  auto good = [](std::int64_t id) {
    return [id](Transaction& transaction) { return insert_item(transaction, id); };
  };
  auto bad = [](Transaction& transaction) {
    insert_item(transaction, 2);
    return insert_item(transaction, 2);
  };
  auto mistaken = [](Transaction& transaction) -> Verdict<void> {
    insert_item(transaction, 4);
    throw std::runtime_error("a bug");
  };
  runtime.on_failure([&](std::string_view, std::exception_ptr) { bug = true; });
  scope.spawn("1", write_counted(store, runtime, good(1), no_deadline, errors, done));
  scope.spawn("2", write_counted(store, runtime, bad, no_deadline, errors, done));
  scope.spawn("3", write_counted(store, runtime, good(3), no_deadline, errors, done));
  scope.spawn("4", write_counted(store, runtime, mistaken, no_deadline, errors, done));
  scope.spawn("5", write_counted(store, runtime, good(5), no_deadline, errors, done));
  for (int i = 0; i < 3; ++i) co_await runtime.yield();
  other.release();
  co_await scope.join();
}

TEST_F(GroupTest, AFailingUnitTakesOnlyItselfBack) {
  open();
  block();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  bool bug = false;
  runtime.run(three_units(*store, runtime, *other, errors, done, bug));
  EXPECT_EQ(errors, std::vector<ErrorCode>{ErrorCode::constraint});
  EXPECT_EQ(done, 4);
  EXPECT_TRUE(bug) << "the exception of a unit reaches its caller";
  EXPECT_EQ(commits(), 1);
  const auto ids = read(*store, [](Snapshot& snapshot) {
    return snapshot.query<int>("select id from item order by id");
  });
  EXPECT_EQ(ids.value(), (std::vector<int>{1, 3, 5}));
}

task<> with_deadline(Store& store, Runtime& runtime, Clock::duration left,
                     std::vector<ErrorCode>& errors, int& done) {
  auto unit = [](Transaction& transaction) { return insert_item(transaction, 1); };
  co_await write_counted(store, runtime, unit, runtime.now() + left, errors, done);
}

TEST_F(GroupTest, AHeldTurnDelaysNobodyBeyondTheDeadline) {
  open();
  block();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(with_deadline(*store, runtime, 30ms, errors, done));
  EXPECT_EQ(errors, std::vector<ErrorCode>{ErrorCode::unavailable});
  // The one after it is not hurt.
  other->release();
  runtime.run(with_deadline(*store, runtime, 10s, errors, done));
  EXPECT_EQ(errors.size(), 1u);
  EXPECT_EQ(count_items(*store), 1);
}

TEST_F(GroupTest, WithoutADeadlinePatienceEnds) {
  StoreOptions options = options_for(directory / "db");
  options.patience = 30ms;
  store = open_store(options);
  block();
  const auto result = write(*store, increment("x"));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, ErrorCode::unavailable);
}

TEST_F(GroupTest, APassedDeadlineIsNotTried) {
  open();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(with_deadline(*store, runtime, -1ns, errors, done));
  EXPECT_EQ(errors, std::vector<ErrorCode>{ErrorCode::deadline_exceeded});
  EXPECT_EQ(count_items(*store), 0);
}

}  // namespace
}  // namespace babilu::store
