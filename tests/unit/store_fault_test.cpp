#include <csignal>

#include <sys/mount.h>
#include <sys/resource.h>

#include "core/store/idempotency.h"
#include "core/store/turn_lock.h"
#include "tests/unit/store_idempotent.h"
#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

using namespace std::chrono_literals;

auto fill(std::int64_t id, int bytes) {
  return [id, bytes](Transaction& transaction) {
    transaction.execute("insert into item (id, body) values (?, zeroblob(?))", id, bytes);
    return commit();
  };
}

/// A file system of a few hundred KiB. Needs root, and a kernel that lets it.
class SmallDisk {
 public:
  explicit SmallDisk(const std::filesystem::path& path) : path_(path) {
    std::filesystem::create_directory(path);
    mounted_ = ::mount("none", path.c_str(), "tmpfs", 0, "size=600k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::filesystem::path path_;
  bool mounted_ = false;
};

TEST(FullDisk, IsSaidAndPasses) {
  TemporaryDirectory directory;
  SmallDisk disk(directory / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted here";
  auto store = open_store(options_for(directory / "disk" / "db"));
  std::int64_t kept = 0;
  std::optional<StoreError> error;
  for (std::int64_t id = 1; id < 200 && !error; ++id) {
    const auto result = write(*store, fill(id, 10'000));
    if (result) {
      ++kept;
    } else {
      error = result.error();
    }
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::disk_full) << error->to_string();
  ASSERT_GT(kept, 0);
  // It goes on failing in the same way, reads go on, and nothing that was answered is lost.
  EXPECT_EQ(write(*store, fill(1'000, 100'000)).error().code, ErrorCode::disk_full);
  EXPECT_EQ(count_items(*store), kept);
  ASSERT_TRUE(store->problem());
  EXPECT_NE(store->problem()->find("disk_full"), std::string::npos);
  // With more room it works again, on the same store.
  ASSERT_EQ(::mount("none", (directory / "disk").c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
  write(*store, fill(1'001, 100'000)).value();
  EXPECT_EQ(count_items(*store), kept + 1);
  EXPECT_FALSE(store->problem());
}

TEST(FullDisk, AFullFileIsSaid) {
  TemporaryDirectory directory;
  auto store = open_store(options_for(directory / "db"));
  write(*store, [](Transaction& transaction) {
    transaction.find<int>("pragma max_page_count = 30").value();
    return commit();
  }).value();
  EXPECT_EQ(write(*store, fill(1, 200'000)).error().code, ErrorCode::disk_full);
  write(*store, fill(2, 10)).value();
  EXPECT_EQ(count_items(*store), 1);
}

/// Bounds how long a file may grow, so that writing to the log fails with an I/O error.
class FileSizeLimit {
 public:
  FileSizeLimit() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
  }
  ~FileSizeLimit() { lift(); }
  void set(std::uintmax_t bytes) const {
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  void lift() const { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

class LostCommit : public testing::Test {
 protected:
  LostCommit() {
    StoreOptions options = options_for(directory / "db");
    options.schemas = {counter_schema, idempotency_schema};
    options.metrics = &metrics;
    store = open_store(options);
    write(*store, fill(1, 10)).value();
  }
  void stop_the_log() { limit.set(std::filesystem::file_size(directory / "db-wal")); }

  TemporaryDirectory directory;
  telemetry::Metrics metrics;
  std::unique_ptr<Store> store;
  FileSizeLimit limit;
};

TEST_F(LostCommit, HasAnUnknownOutcomeAndTheStoreGoesOn) {
  stop_the_log();
  const auto result = write(*store, fill(2, 10));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, ErrorCode::outcome_unknown) << result.error().to_string();
  EXPECT_TRUE(result.error().outcome_unknown);
  EXPECT_EQ(count_items(*store), 1) << "readers go on";
  EXPECT_GE(metric(metrics, "babilu_store_lost_transactions_total"), 1);
  limit.lift();
  write(*store, fill(3, 10)).value();
  EXPECT_EQ(count_items(*store), 2);
}

TEST_F(LostCommit, AUnitThatCanTellRunsAgain) {
  const auto request = IdempotentRequest::make(Bytes(32, 7), 1, {});
  stop_the_log();
  int runs = 0;
  auto unit = [&](Transaction& transaction) {
    if (++runs == 2) limit.lift();
    return idempotent(transaction, *request, WallTime(1'000h), {}, [&](Transaction& inner) {
      insert_item(inner, 2);
      return commit(Answer{true, {1}, {}});
    });
  };
  EXPECT_EQ(write(*store, unit, AfterLostCommit::run_again).value().kind, Recalled::Kind::fresh);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count_items(*store), 2);
  EXPECT_EQ(write(*store, unit, AfterLostCommit::run_again).value().kind, Recalled::Kind::replayed);
}

template <class F, class G>
task<> together(Store& store, Runtime& runtime, TurnLock& other, F first, G second,
                std::optional<StoreResult<void>>& of_first,
                std::optional<StoreResult<int>>& of_second) {
  Scope scope(runtime);
  const auto fail = AfterLostCommit::fail;
  scope.spawn("1", write_into(store, runtime, first, no_deadline, fail, of_first));
  scope.spawn("2", write_into(store, runtime, second, no_deadline, fail, of_second));
  for (int i = 0; i < 3; ++i) co_await runtime.yield();
  other.release();
  co_await scope.join();
}

TEST_F(LostCommit, AUnitThatRolledBackRunsAgain) {
  // It had no effect, whatever became of the others in its group.
  auto other = TurnLock::open(directory / "db.lock").value();
  ASSERT_TRUE(other->acquire(std::chrono::steady_clock::now() + 60s));
  stop_the_log();
  int runs = 0;
  auto looks = [&](Transaction& transaction) {
    if (++runs == 2) limit.lift();
    return roll_back(*transaction.find<int>("select count(*) from item"));
  };
  std::optional<StoreResult<void>> of_first;
  std::optional<StoreResult<int>> of_second;
  Runtime& runtime = runtime_of_this_thread();
  runtime.run(together(*store, runtime, *other, fill(2, 10), looks, of_first, of_second));
  EXPECT_EQ(of_first->error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(of_second->value(), 1) << "it does not see what was lost";
  EXPECT_EQ(runs, 2);
}

TEST_F(LostCommit, WithNothingToCommitNothingIsWritten) {
  stop_the_log();
  auto unit = [](Transaction& transaction) {
    insert_item(transaction, 5);
    return roll_back(*transaction.find<int>("select count(*) from item"));
  };
  EXPECT_EQ(write(*store, unit).value(), 2);
  EXPECT_EQ(count_items(*store), 1);
}

TEST_F(LostCommit, AUnitThatEndsItsTransactionHarmsItselfAlone) {
  const auto result = write(*store, [](Transaction& transaction) {
    insert_item(transaction, 2);
    transaction.execute("rollback");
    return commit();
  });
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(count_items(*store), 1);
  write(*store, fill(3, 10)).value();
  EXPECT_EQ(count_items(*store), 2);
}

}  // namespace
}  // namespace babilu::store
