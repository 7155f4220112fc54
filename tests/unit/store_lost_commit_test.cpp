// A COMMIT whose last flush fails: the log holds it whole, yet SQLite reports an error. Whether it
// counts depends on who has the file open. A unit with an idempotency key has one effect either
// way.

#include "core/store/idempotency.h"
#include "tests/unit/store_failing_flush.h"
#include "tests/unit/store_idempotent.h"
#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

using namespace std::chrono_literals;

class FlushTest : public testing::Test {
 protected:
  std::unique_ptr<Store> open(unsigned readers) {
    StoreOptions options = options_for(directory / "db");
    options.schemas = {counter_schema, idempotency_schema};
    options.readers = readers;
    auto store = open_store(options);
    // The log's head is behind it: the next flush is that of a COMMIT.
    write(*store, increment("before")).value();
    return store;
  }
  StoreResult<Answered> send(Store& store, AfterLostCommit after) {
    const auto request = IdempotentRequest::make(Bytes(32, 7), 1, {});
    return write(
        store,
        [request](Transaction& transaction) {
          return idempotent(transaction, *request, WallTime(1'000h), {}, [](Transaction& inner) {
            increment("effect")(inner);
            return commit(Answer{true, {42}, {}});
          });
        },
        after);
  }
  std::int64_t effects() { return counter(*open(1), "effect"); }

  FailingFlush failing_flush;
  TemporaryDirectory directory;
};

TEST_F(FlushTest, ACommitThatCountsIsRecalled) {
  auto store = open(0);  // nobody else has the file open, so reopening it reads the whole log
  flushes_to_fail = 1;
  const Answered answered = send(*store, AfterLostCommit::run_again).value();
  EXPECT_EQ(flushes_to_fail, 0);
  EXPECT_EQ(answered.kind, Recalled::Kind::replayed);
  EXPECT_EQ(answered.answer.reply, Secret{42});
  store.reset();
  EXPECT_EQ(effects(), 1);
}

TEST_F(FlushTest, ACommitThatDoesNotCountIsRepeated) {
  auto store = open(2);  // readers hold on to the state before it
  flushes_to_fail = 1;
  const Answered answered = send(*store, AfterLostCommit::run_again).value();
  EXPECT_EQ(flushes_to_fail, 0);
  EXPECT_EQ(answered.kind, Recalled::Kind::fresh);
  store.reset();
  EXPECT_EQ(effects(), 1);
}

TEST_F(FlushTest, AUnitThatCannotTellSaysSo) {
  for (const unsigned readers : {0u, 2u}) {
    auto store = open(readers);
    flushes_to_fail = 1;
    const auto result = send(*store, AfterLostCommit::fail);
    ASSERT_TRUE(result.has_error());
    EXPECT_EQ(result.error().code, ErrorCode::outcome_unknown);
    // The caller may ask again with its key.
    send(*store, AfterLostCommit::fail).value();
    store.reset();
    EXPECT_EQ(effects(), 1);
    std::filesystem::remove(directory / "db");
    std::filesystem::remove(directory / "db-wal");
    std::filesystem::remove(directory / "db-shm");
  }
}

TEST_F(FlushTest, ADiskThatGoesOnFailingIsSaidOnce) {
  auto store = open(1);
  flushes_to_fail = 1'000;
  const auto result = send(*store, AfterLostCommit::run_again);
  ASSERT_TRUE(result.has_error());
  EXPECT_TRUE(result.error().outcome_unknown);
  EXPECT_EQ(flushes_to_fail, 998) << "a unit is tried twice, not for ever";
}

}  // namespace
}  // namespace babilu::store
