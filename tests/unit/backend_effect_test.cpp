// A mutating request is done once, also when nobody can tell at first whether it was.
#include <gtest/gtest.h>

#include "roles/backend/effect.h"
#include "tests/unit/store_failing_flush.h"
#include "tests/unit/store_support.h"

namespace babilu::backend {
namespace {

using rpc::Code;
using store::flushes_to_fail;

class DoOnce : public testing::Test {
 protected:
  std::unique_ptr<store::Store> open(unsigned readers) {
    store::StoreOptions options = store::options_for(directory / "db");
    options.schemas = {store::counter_schema, store::idempotency_schema};
    options.readers = readers;
    auto opened = store::open_store(options);
    // The log's head is behind it: the next flush is that of a COMMIT.
    store::write(*opened, store::increment("before")).value();
    return opened;
  }

  static task<> send_into(store::Store& store, const rpc::Call& call,
                          std::optional<rpc::Outcome<Bytes>>& out) {
    auto handle = [](store::Transaction& transaction) {
      const std::int64_t value = store::increment("effect")(transaction).value;
      return Effect::done(Bytes{static_cast<std::uint8_t>(value)}, 7);
    };
    out.emplace(co_await do_once(store, call, handle));
  }
  rpc::Outcome<Bytes> send(store::Store& store, std::string_view key) {
    Runtime& runtime = store::runtime_of_this_thread();
    const rpc::Call call{
        .runtime = runtime, .method = 0x0201, .idempotency_key = key, .peer = peer};
    std::optional<rpc::Outcome<Bytes>> out;
    runtime.run(send_into(store, call, out));
    return std::move(*out);
  }

  static task<> recall_into(store::Store& store, const rpc::Call& call,
                            std::optional<rpc::Outcome<std::optional<Bytes>>>& out) {
    out.emplace(co_await recall_reply(store, call));
  }
  rpc::Outcome<std::optional<Bytes>> recall(store::Store& store, std::string_view key) {
    Runtime& runtime = store::runtime_of_this_thread();
    const rpc::Call call{
        .runtime = runtime, .method = 0x0201, .idempotency_key = key, .peer = peer};
    std::optional<rpc::Outcome<std::optional<Bytes>>> out;
    runtime.run(recall_into(store, call, out));
    return std::move(*out);
  }

  const std::string key = std::string(32, 'k');
  const net::PeerIdentity peer;
  store::FailingFlush failing_flush;
  store::TemporaryDirectory directory;
};

TEST_F(DoOnce, ARepeatHasTheSameReplyAndNoEffect) {
  auto store = open(1);
  EXPECT_EQ(send(*store, key).value(), Bytes{1});
  EXPECT_EQ(send(*store, key).value(), Bytes{1});
  EXPECT_EQ(recall(*store, key).value(), Bytes{1});
  EXPECT_EQ(store::counter(*store, "effect"), 1);
  EXPECT_EQ(send(*store, std::string(32, 'l')).value(), Bytes{2});
}

TEST_F(DoOnce, ALostCommitThatCountsIsAnsweredWithItsReply) {
  auto store = open(0);  // nobody else has the file open, so reopening it reads the whole log
  flushes_to_fail = 1;
  const auto reply = send(*store, key);
  EXPECT_EQ(flushes_to_fail, 0);
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(*reply, Bytes{1});
  store.reset();
  EXPECT_EQ(store::counter(*open(1), "effect"), 1);
}

TEST_F(DoOnce, ALostCommitThatDoesNotCountIsDoneAgain) {
  auto store = open(2);  // readers hold on to the state before it
  flushes_to_fail = 1;
  const auto reply = send(*store, key);
  EXPECT_EQ(flushes_to_fail, 0);
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(*reply, Bytes{1});
  store.reset();
  EXPECT_EQ(store::counter(*open(1), "effect"), 1);
}

// What a session gives to the handler of a method that is not declared mutating.
TEST_F(DoOnce, ACallWithoutAKeyIsRefused) {
  auto store = open(1);
  for (const std::string_view bad : {"", "short"}) {
    const auto reply = send(*store, bad);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::internal);
    EXPECT_EQ(reply.error().reason, "not_mutating");
    const auto recalled = recall(*store, bad);
    ASSERT_FALSE(recalled);
    EXPECT_EQ(recalled.error().reason, "not_mutating");
  }
  EXPECT_EQ(store::counter(*store, "effect"), 0);
}

}  // namespace
}  // namespace babilu::backend
