// Files that are moved, replaced or removed while somebody has them open, or between two runs.
#include <fstream>
#include <iterator>
#include <thread>

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

namespace fs = std::filesystem;

class StoreReplaced : public testing::Test {
 protected:
  std::unique_ptr<Store> open() { return open_store(options_for(database())); }
  fs::path database() const { return directory_ / "b.db"; }
  fs::path log() const { return directory_ / "b.db-wal"; }
  std::optional<ErrorCode> refusal() {
    auto store = Store::open(options_for(database()));
    if (store) return std::nullopt;
    message_ = store.error().message;
    return store.error().code;
  }
  static std::optional<ErrorCode> add(Store& store, std::int64_t id) {
    const auto written =
        write(store, [id](Transaction& transaction) { return insert_item(transaction, id); });
    if (written) return std::nullopt;
    return written.error().code;
  }
  static bool has_tables(const fs::path& path) {
    sqlite3* database = nullptr;
    ::sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr);
    const int found = ::sqlite3_exec(database, "select * from item", nullptr, nullptr, nullptr);
    ::sqlite3_close(database);
    return found == SQLITE_OK;
  }
  static std::string content_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// A process that adds items and is killed.
  void crash_after_adding(std::initializer_list<std::int64_t> ids) {
    const pid_t child = ::fork();
    if (child == 0) {
      // A thread has a Runtime of its own: this one's is shared with the process before.
      std::thread([&] {
        Store* const store = open().release();
        for (const std::int64_t id : ids) add(*store, id);
        ::_exit(0);
      }).join();
    }
    ::waitpid(child, nullptr, 0);
    ASSERT_GT(fs::file_size(log()), 0u);
  }

  TemporaryDirectory directory_;
  std::string message_;
};

TEST_F(StoreReplaced, NothingIsWrittenIntoAFileThatWasMoved) {
  auto store = open();
  EXPECT_EQ(add(*store, 1), std::nullopt);
  EXPECT_EQ(store->problem(), std::nullopt);
  fs::rename(database(), directory_ / "old.db");
  EXPECT_TRUE(store->problem());  // before anything is written, too
  EXPECT_EQ(add(*store, 2), ErrorCode::replaced);

  // Nobody begins a new one beside it.
  EXPECT_EQ(refusal(), ErrorCode::replaced);
  EXPECT_FALSE(fs::exists(database()));

  fs::rename(directory_ / "old.db", database());
  EXPECT_EQ(add(*store, 3), std::nullopt);
  EXPECT_EQ(store->problem(), std::nullopt);
  store.reset();
  EXPECT_EQ(count_items(*open()), 2);
}

TEST_F(StoreReplaced, NorIsTheLogCopiedIntoIt) {
  auto store = open();
  EXPECT_EQ(add(*store, 1), std::nullopt);
  const fs::path moved = directory_ / "old.db";
  fs::rename(database(), moved);
  const std::string before = content_of(moved);
  store->checkpoint_soon();
  EXPECT_EQ(add(*store, 2), ErrorCode::replaced);
  store.reset();  // the checkpoint comes after the answer
  EXPECT_TRUE(content_of(moved) == before);
}

TEST_F(StoreReplaced, NothingIsLostWhenAFileWasMovedUntilTheEnd) {
  auto store = open();
  EXPECT_EQ(add(*store, 1), std::nullopt);
  fs::rename(database(), directory_ / "old.db");
  store.reset();
  EXPECT_EQ(refusal(), ErrorCode::replaced);  // its log is still here
  fs::rename(directory_ / "old.db", database());
  EXPECT_EQ(count_items(*open()), 1);
}

TEST_F(StoreReplaced, NothingIsWrittenBesideAFileThatWasReplaced) {
  {
    auto store = open();
    add(*store, 1);
  }
  fs::copy_file(database(), directory_ / "backup.db");
  auto store = open();
  EXPECT_EQ(add(*store, 2), std::nullopt);
  fs::rename(directory_ / "backup.db", database());
  EXPECT_EQ(add(*store, 3), ErrorCode::replaced);
  EXPECT_EQ(refusal(), ErrorCode::replaced);
}

TEST_F(StoreReplaced, ALogThatWasRemovedIsSavedAtTheEnd) {
  auto store = open();
  EXPECT_EQ(add(*store, 1), std::nullopt);
  fs::remove(log());
  EXPECT_EQ(add(*store, 2), ErrorCode::replaced);
  EXPECT_EQ(refusal(), ErrorCode::replaced);
  store.reset();
  EXPECT_EQ(count_items(*open()), 1);
}

TEST_F(StoreReplaced, AnIndexThatWasRemovedIsNoticed) {
  auto store = open();
  add(*store, 1);
  fs::remove(directory_ / "b.db-shm");
  EXPECT_EQ(add(*store, 2), ErrorCode::replaced);
}

TEST_F(StoreReplaced, AFileThatWasRemovedAfterACleanEndIsMadeAnew) {
  {
    auto store = open();
    add(*store, 1);
  }
  fs::remove(database());
  EXPECT_EQ(count_items(*open()), 0);
}

TEST_F(StoreReplaced, ALogOutlivesACrash) {
  crash_after_adding({1, 2});
  crash_after_adding({3});
  EXPECT_EQ(count_items(*open()), 3);
}

TEST_F(StoreReplaced, ARestoredFileIsNotUndoneByTheLogOfTheOneBefore) {
  {
    auto store = open();
    add(*store, 1);
  }
  fs::copy_file(database(), directory_ / "backup.db");
  crash_after_adding({2});
  fs::rename(directory_ / "backup.db", database());
  EXPECT_EQ(refusal(), ErrorCode::replaced);
  EXPECT_NE(message_.find("b.db-wal"), std::string::npos) << message_;
  fs::remove(log());
  fs::remove(directory_ / "b.db-shm");
  EXPECT_EQ(count_items(*open()), 1);
}

TEST_F(StoreReplaced, NorIsOneThatWasRestoredInPlace) {
  {
    auto store = open();
    add(*store, 1);
  }
  fs::copy_file(database(), directory_ / "backup.db");
  crash_after_adding({2});
  const auto before = fs::last_write_time(database());
  fs::copy_file(directory_ / "backup.db", database(), fs::copy_options::overwrite_existing);
  fs::last_write_time(database(), before + std::chrono::seconds(1));
  EXPECT_EQ(refusal(), ErrorCode::replaced);
}

TEST_F(StoreReplaced, NothingIsWrittenIntoAFileThatWasRestoredWhileItWasOpen) {
  {
    auto store = open();
    add(*store, 1);
  }
  fs::copy_file(database(), directory_ / "backup.db");
  auto store = open();
  EXPECT_EQ(add(*store, 2), std::nullopt);
  const auto before = fs::last_write_time(database());
  fs::copy_file(directory_ / "backup.db", database(), fs::copy_options::overwrite_existing);
  fs::last_write_time(database(), before + std::chrono::minutes(1));
  EXPECT_TRUE(store->problem());
  EXPECT_EQ(add(*store, 3), ErrorCode::replaced);
  EXPECT_EQ(refusal(), ErrorCode::replaced);  // nobody else goes on with it either
  store.reset();
  EXPECT_EQ(refusal(), ErrorCode::replaced);  // and nothing of the log has been copied into it
  fs::remove(log());
  fs::remove(directory_ / "b.db-shm");
  EXPECT_EQ(count_items(*open()), 1);
}

TEST_F(StoreReplaced, ItsOwnCheckpointsAreNoOtherProgram) {
  auto store = open();
  auto other = open();
  for (const std::int64_t id : {1, 2, 3}) {
    (id == 2 ? other : store)->checkpoint_soon();
    EXPECT_EQ(add(*(id == 2 ? other : store), id), std::nullopt);
    EXPECT_EQ(store->problem(), std::nullopt);
  }
}

TEST_F(StoreReplaced, ALinkToTheDatabaseHasItsLockAndItsLog) {
  fs::create_symlink("b.db", directory_ / "link.db");
  auto store = open_store(options_for(directory_ / "link.db"));  // where nothing is yet
  auto other = open();
  EXPECT_EQ(add(*store, 1), std::nullopt);
  EXPECT_EQ(add(*other, 2), std::nullopt);
  EXPECT_FALSE(fs::exists(directory_ / "link.db.lock"));
  const fs::path kept_log = directory_ / "log";
  fs::rename(log(), kept_log);
  EXPECT_EQ(add(*store, 3), ErrorCode::replaced);
  fs::rename(kept_log, log());
  // The link alone may be made to lead elsewhere.
  fs::remove(directory_ / "link.db");
  EXPECT_EQ(add(*store, 4), ErrorCode::replaced);
  EXPECT_EQ(add(*other, 5), std::nullopt);
}

TEST_F(StoreReplaced, AFileWithTwoNamesIsRefused) {
  open().reset();
  fs::create_hard_link(database(), directory_ / "other.db");
  EXPECT_EQ(refusal(), ErrorCode::invalid_path);
  EXPECT_NE(message_.find("several names"), std::string::npos) << message_;
  fs::remove(directory_ / "other.db");
  EXPECT_EQ(refusal(), std::nullopt);
}

TEST_F(StoreReplaced, ACopyThatEverybodyMayReadIsRefused) {
  open().reset();
  fs::permissions(database(), fs::perms::others_read, fs::perm_options::add);
  EXPECT_EQ(refusal(), ErrorCode::invalid_path);
  EXPECT_NE(message_.find("chmod 600"), std::string::npos) << message_;
}

TEST_F(StoreReplaced, AMissingFileIsNotMadeAnewBesideItsLog) {
  crash_after_adding({1});
  fs::remove(database());
  EXPECT_EQ(refusal(), ErrorCode::replaced);
  EXPECT_GT(fs::file_size(log()), 0u);
  EXPECT_FALSE(fs::exists(database()));
}

TEST_F(StoreReplaced, ACopyOfAllFilesIsAsGood) {
  crash_after_adding({1});
  const TemporaryDirectory elsewhere;
  for (const auto& file : fs::directory_iterator(directory_.path())) {
    fs::copy_file(file.path(), elsewhere / file.path().filename().string());
  }
  EXPECT_EQ(count_items(*open_store(options_for(elsewhere / "b.db"))), 1);
}

TEST_F(StoreReplaced, ACopyOfANewFileAloneIsADatabase) {
  auto store = open();
  fs::copy_file(database(), directory_ / "copy.db");
  // Whoever opens it finds its tables, and does not make them.
  EXPECT_TRUE(has_tables(directory_ / "copy.db"));
  EXPECT_EQ(count_items(*open_store(options_for(directory_ / "copy.db"))), 0);
  store->checkpoint_soon();
  add(*store, 1);
  store.reset();  // the checkpoint comes after the answer
}

}  // namespace
}  // namespace babilu::store
