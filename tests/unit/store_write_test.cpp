#include <filesystem>
#include <string>
#include <thread>

#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

class WriteTest : public testing::Test {
 protected:
  void open() {
    StoreOptions options = options_for(directory / "db");
    options.metrics = &metrics;
    store = open_store(options);
  }

  TemporaryDirectory directory;
  telemetry::Metrics metrics;
  std::unique_ptr<Store> store;
};

TEST_F(WriteTest, ItIsDurable) {
  open();
  const auto settings = write(*store, [](Transaction& transaction) {
    return roll_back(std::pair(*transaction.find<std::string>("pragma journal_mode"),
                               *transaction.find<int>("pragma synchronous")));
  });
  EXPECT_EQ(settings.value(), (std::pair<std::string, int>("wal", 2)));
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
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
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
