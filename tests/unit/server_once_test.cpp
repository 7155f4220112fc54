// A mutating request happens once, also when nobody can tell at first whether it did.
#include "core/server/once.h"

#include <gtest/gtest.h>

#include "core/wire/envelope.pb.h"
#include "tests/support/status.h"
#include "tests/unit/store_failing_flush.h"
#include "tests/unit/store_support.h"

namespace babilu::server {
namespace {

using rpc::Code;
using store::flushes_to_fail;

/// Any message will do: what is kept are its bytes.
using Message = wire::StatusDetail;

Message message(std::int64_t number) {
  Message message;
  message.set_code(static_cast<std::uint32_t>(number));
  return message;
}

class OnceTest : public testing::Test {
 protected:
  using Answer = Once<Message>::Answer;

  std::unique_ptr<store::Store> open(unsigned readers) {
    store::StoreOptions options = store::options_for(directory / "db");
    options.schemas = {store::counter_schema, store::idempotency_schema};
    options.readers = readers;
    auto opened = store::open_store(options);
    // The log's head is behind it: the next flush is that of a COMMIT.
    store::write(*opened, store::increment("before")).value();
    return opened;
  }

  rpc::Call call(std::string_view key, std::uint16_t method = 0x0201) const {
    return {.runtime = store::runtime_of_this_thread(),
            .method = method,
            .idempotency_key = key,
            .peer = peer};
  }

  static task<> write_into(store::Store& store, const rpc::Call& call, std::optional<Answer>& out) {
    Once<Message> once(store, call);
    auto unit = [](store::Transaction& transaction) {
      return Effect<Message>::done(message(store::increment("effect")(transaction).value), 7);
    };
    out.emplace(co_await once.write(unit));
  }
  Answer write(store::Store& store, std::string_view key, std::uint16_t method = 0x0201) const {
    std::optional<Answer> out;
    const rpc::Call request = call(key, method);
    store::runtime_of_this_thread().run(write_into(store, request, out));
    return std::move(*out);
  }

  /// What a look finds: the counter, or a refusal where it is `refused_at`.
  struct Looked {
    std::optional<std::int64_t> facts;
    std::optional<Answer> answer;
  };
  static task<> look_into(store::Store& store, const rpc::Call& call, std::int64_t refused_at,
                          Looked& out) {
    Once<Message> once(store, call);
    auto look = [refused_at](store::Snapshot& snapshot) -> rpc::Outcome<std::int64_t> {
      const auto value =
          snapshot.find<std::int64_t>("select value from counter where name = 'effect'")
              .value_or(0);
      if (value == refused_at) return test::status(Code::already_exists, "taken");
      return value;
    };
    out.facts = co_await once.look(look);
    if (!out.facts) out.answer.emplace(once.answer());
  }
  Looked look(store::Store& store, std::string_view key, std::int64_t refused_at = -1) const {
    Looked out;
    const rpc::Call request = call(key);
    store::runtime_of_this_thread().run(look_into(store, request, refused_at, out));
    return out;
  }

  static std::int64_t number(const Answer& answer) {
    Message decoded;
    return rpc::decode(answer.value().bytes, decoded) ? decoded.code() : -1;
  }

  const std::string key = std::string(32, 'k');
  const std::string other_key = std::string(32, 'l');
  const net::PeerIdentity peer;
  store::FailingFlush failing_flush;
  store::TemporaryDirectory directory;
};

TEST_F(OnceTest, ARepeatHasTheSameReplyAndNoEffect) {
  auto store = open(1);
  EXPECT_EQ(number(write(*store, key)), 1);
  EXPECT_EQ(number(write(*store, key)), 1);
  EXPECT_EQ(store::counter(*store, "effect"), 1);
  EXPECT_EQ(number(write(*store, other_key)), 2);
}

TEST_F(OnceTest, AnotherRequestUnderTheKeyIsRefused) {
  auto store = open(1);
  write(*store, key).value();
  const Answer answer = write(*store, key, 0x0202);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, "idempotency_conflict");
  EXPECT_EQ(store::counter(*store, "effect"), 1);
}

TEST_F(OnceTest, ALookGivesTheFactsOfANewRequest) {
  auto store = open(1);
  write(*store, other_key).value();
  EXPECT_EQ(look(*store, key).facts, 1);
}

// Also where its own effect would now be refused: reply and effect are in one snapshot.
TEST_F(OnceTest, ALookFindsTheKeptReplyBeforeAnythingElse) {
  auto store = open(1);
  write(*store, key).value();
  const Looked looked = look(*store, key, 1);
  EXPECT_FALSE(looked.facts);
  EXPECT_EQ(number(looked.answer.value()), 1);
}

TEST_F(OnceTest, ALookMayRefuse) {
  auto store = open(1);
  const Looked looked = look(*store, key, 0);
  EXPECT_FALSE(looked.facts);
  ASSERT_FALSE(looked.answer.value());
  EXPECT_EQ(looked.answer->error().reason, "taken");
}

TEST_F(OnceTest, ARefusalIsNotKeptAndItsEffectGoesOrStays) {
  auto store = open(1);
  for (const bool stays : {false, true}) {
    std::optional<Answer> out;
    const rpc::Call request = call(key);
    const auto refuse = [](store::Store& into, const rpc::Call& of, bool keep,
                           std::optional<Answer>& answer) -> task<> {
      Once<Message> once(into, of);
      auto unit = [keep](store::Transaction& transaction) {
        store::increment("effect")(transaction);
        const rpc::Status why = test::status(Code::permission_denied, "no");
        return keep ? Effect<Message>::refused_and_kept(why) : Effect<Message>::refused(why);
      };
      answer.emplace(co_await once.write(unit));
    };
    store::runtime_of_this_thread().run(refuse(*store, request, stays, out));
    ASSERT_FALSE(*out);
    EXPECT_EQ(out->error().reason, "no");
    EXPECT_EQ(store::counter(*store, "effect"), stays ? 1 : 0);
  }
  EXPECT_EQ(number(write(*store, key)), 2) << "nothing was kept under the key";
}

TEST_F(OnceTest, ALostCommitThatCountsIsAnsweredWithItsReply) {
  auto store = open(0);  // nobody else has the file open, so reopening it reads the whole log
  flushes_to_fail = 1;
  const Answer answer = write(*store, key);
  EXPECT_EQ(flushes_to_fail, 0);
  EXPECT_EQ(number(answer), 1);
  store.reset();
  EXPECT_EQ(store::counter(*open(1), "effect"), 1);
}

TEST_F(OnceTest, ALostCommitThatDoesNotCountIsDoneAgain) {
  auto store = open(2);  // readers hold on to the state before it
  flushes_to_fail = 1;
  const Answer answer = write(*store, key);
  EXPECT_EQ(flushes_to_fail, 0);
  EXPECT_EQ(number(answer), 1);
  store.reset();
  EXPECT_EQ(store::counter(*open(1), "effect"), 1);
}

// What a session gives to the handler of a method that is not declared mutating.
TEST_F(OnceTest, ACallWithoutAKeyIsRefused) {
  auto store = open(1);
  for (const std::string_view bad : {"", "short"}) {
    const Answer answer = write(*store, bad);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::internal);
    EXPECT_EQ(answer.error().reason, "not_mutating");
    const Looked looked = look(*store, bad);
    ASSERT_TRUE(looked.answer);
    ASSERT_FALSE(*looked.answer);
    EXPECT_EQ(looked.answer->error().reason, "not_mutating");
  }
  EXPECT_EQ(store::counter(*store, "effect"), 0);
}

}  // namespace
}  // namespace babilu::server
