#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

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

class WriteTest : public testing::Test {
 protected:
  void open(std::size_t queue = 4096) {
    StoreOptions options = options_for(directory / "db");
    options.metrics = &metrics;
    options.write_queue = queue;
    store = open_store(options);
  }
  /// Takes the turn as another process would, so that units pile up.
  void block() {
    other = TurnLock::open(directory / "db.lock").value();
    ASSERT_TRUE(other->acquire(std::chrono::steady_clock::now() + 10s));
  }
  double commits() { return metric(metrics, "babilu_store_commits_total"); }
  double waiting() { return metric(metrics, "babilu_store_waiting_units", {{"queue", "write"}}); }

  TemporaryDirectory directory;
  telemetry::Metrics metrics;
  std::unique_ptr<Store> store;
  std::unique_ptr<TurnLock> other;
};

task<> pile_up(WriteTest*, Store& store, Runtime& runtime, TurnLock& other, int units,
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

TEST_F(WriteTest, UnitsThatWaitTogetherAreCommittedTogether) {
  open();
  block();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(pile_up(this, *store, runtime, *other, 256, errors, done));
  EXPECT_EQ(done, 256);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(commits(), 1);
  EXPECT_EQ(count_items(*store), 256);
}

TEST_F(WriteTest, GroupsAreBounded) {
  open();
  block();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(pile_up(this, *store, runtime, *other, 600, errors, done));
  EXPECT_EQ(done, 600);
  EXPECT_GE(commits(), 3);
  EXPECT_EQ(count_items(*store), 600);
}

TEST_F(WriteTest, QueueIsBounded) {
  open(10);
  block();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(pile_up(this, *store, runtime, *other, 15, errors, done));
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

TEST_F(WriteTest, AFailingUnitTakesOnlyItselfBack) {
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

TEST_F(WriteTest, TheVerdictIsApartFromTheResult) {
  open();
  // A refusal that is committed.
  const auto refused = write(*store, [](Transaction& transaction) -> Verdict<std::string> {
    insert_item(transaction, 1);
    return commit("wrong password");
  });
  EXPECT_EQ(refused.value(), "wrong password");
  EXPECT_EQ(count_items(*store), 1);
  // A success that is not.
  const auto looked = write(*store, [](Transaction& transaction) {
    insert_item(transaction, 2);
    return roll_back(*transaction.find<int>("select count(*) from item"));
  });
  EXPECT_EQ(looked.value(), 2);
  EXPECT_EQ(count_items(*store), 1);
  EXPECT_EQ(metric(metrics, "babilu_store_units_total", {{"end", "committed"}}), 1);
  EXPECT_EQ(metric(metrics, "babilu_store_units_total", {{"end", "rolled_back"}}), 1);
}

TEST_F(WriteTest, WhatIsAnsweredIsThereForReadersAndOthers) {
  open();
  auto second = open_store(options_for(directory / "db"));
  for (int i = 1; i <= 20; ++i) {
    Store& writer = i % 2 == 0 ? *store : *second;
    Store& reader = i % 2 == 0 ? *second : *store;
    EXPECT_EQ(write(writer, increment("both")).value(), i);
    EXPECT_EQ(counter(reader, "both"), i);
  }
}

task<> with_deadline(Store& store, Runtime& runtime, Clock::duration left,
                     std::vector<ErrorCode>& errors, int& done) {
  auto unit = [](Transaction& transaction) { return insert_item(transaction, 1); };
  co_await write_counted(store, runtime, unit, runtime.now() + left, errors, done);
}

TEST_F(WriteTest, AHeldTurnDelaysNobodyBeyondTheDeadline) {
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

TEST_F(WriteTest, WithoutADeadlinePatienceEnds) {
  StoreOptions options = options_for(directory / "db");
  options.patience = 30ms;
  store = open_store(options);
  block();
  const auto result = write(*store, increment("x"));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, ErrorCode::unavailable);
}

TEST_F(WriteTest, APassedDeadlineIsNotTried) {
  open();
  Runtime& runtime = runtime_of_this_thread();
  std::vector<ErrorCode> errors;
  int done = 0;
  runtime.run(with_deadline(*store, runtime, -1ns, errors, done));
  EXPECT_EQ(errors, std::vector<ErrorCode>{ErrorCode::deadline_exceeded});
  EXPECT_EQ(count_items(*store), 0);
}

TEST_F(WriteTest, TheCallerGoesOnInItsOwnThread) {
  open();
  const auto here = std::this_thread::get_id();
  std::thread::id writer;
  Runtime& runtime = runtime_of_this_thread();
  std::thread::id resumed;
  struct Body {
    static task<> run(Store& store, Runtime& runtime, std::thread::id& writer,
                      std::thread::id& resumed) {
      auto unit = [&writer](Transaction&) {
        writer = std::this_thread::get_id();
        return commit();
      };
      (co_await store.write(runtime, unit, no_deadline)).value();
      resumed = std::this_thread::get_id();
    }
  };
  runtime.run(Body::run(*store, runtime, writer, resumed));
  EXPECT_EQ(resumed, here);
  EXPECT_NE(writer, here);
}

std::size_t threads_of_this_process() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

task<> simulated_units(Store& store, Runtime& runtime, std::thread::id& ran_on,
                       std::int64_t& value) {
  auto unit = [&ran_on](Transaction& transaction) {
    ran_on = std::this_thread::get_id();
    return increment("simulated")(transaction);
  };
  for (int i = 0; i < 10; ++i) (co_await store.write(runtime, unit, no_deadline)).value();
  auto look = [](Snapshot& snapshot) {
    return *snapshot.find<std::int64_t>("select value from counter");
  };
  value = (co_await store.read(runtime, look, no_deadline)).value();
}

TEST_F(WriteTest, ASimulationRunsInOneThread) {
  open();
  const auto before = threads_of_this_process();
  sim::World world(1);
  std::thread::id ran_on;
  std::int64_t value = 0;
  world.run(simulated_units(*store, world.runtime(), ran_on, value));
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_EQ(value, 10);
  EXPECT_EQ(threads_of_this_process(), before);
}

task<> many_writers(Store& store, Runtime& runtime, int writers, int each) {
  Scope scope(runtime);
  struct Body {
    static task<> run(Store& store, Runtime& runtime, int each) {
      for (int i = 0; i < each; ++i) {
        (co_await store.write(runtime, increment("shared"), no_deadline)).value();
      }
    }
  };
  for (int i = 0; i < writers; ++i) scope.spawn("writer", Body::run(store, runtime, each));
  co_await scope.join();
}

TEST_F(WriteTest, TwoStoresOnOneFileAndTwoRuntimesEach) {
  open();
  auto second = open_store(options_for(directory / "db"));
  {
    Runtime runtimes[4];
    Store* const targets[] = {store.get(), store.get(), second.get(), second.get()};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back(
          [&, i] { runtimes[i].run(many_writers(*targets[i], runtimes[i], 8, 25)); });
    }
    for (auto& thread : threads) thread.join();
    store.reset();  // before the Runtimes
    second.reset();
  }
  open();
  EXPECT_EQ(counter(*store, "shared"), 4 * 8 * 25);
}

TEST_F(WriteTest, TheLogIsCopiedIntoTheFileAndStartsOver) {
  StoreOptions options = options_for(directory / "db");
  options.metrics = &metrics;
  options.checkpoint_pages = 50;
  store = open_store(options);
  for (int i = 0; i < 400; ++i) {
    write(*store, [i](Transaction& transaction) {
      transaction.execute("insert into item (id, body) values (?, zeroblob(8000))", i);
      return commit();
    }).value();
  }
  EXPECT_GE(metric(metrics, "babilu_store_checkpoints_total"), 400 * 2 / 50 / 2);
  EXPECT_LT(std::filesystem::file_size(directory / "db-wal"), 300 * 4096u);
  EXPECT_GT(std::filesystem::file_size(directory / "db"), 300 * 8000u);
  store.reset();
  EXPECT_EQ(std::filesystem::file_size(directory / "db-wal"), 0u) << "closing leaves a short log";
  open();
  EXPECT_EQ(count_items(*store), 400);
}

TEST_F(WriteTest, AReaderKeepsItsSnapshot) {
  open();
  const auto counts = read(*store, [this](Snapshot& snapshot) {
    const auto before = *snapshot.find<int>("select count(*) from item");
    write(*store, [](Transaction& transaction) { return insert_item(transaction, 1); }).value();
    return std::pair(before, *snapshot.find<int>("select count(*) from item"));
  });
  EXPECT_EQ(counts.value(), std::pair(0, 0));
  EXPECT_EQ(count_items(*store), 1);
}

}  // namespace
}  // namespace babilu::store
