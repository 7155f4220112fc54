#include "core/store/idempotency.h"

#include <fstream>
#include <iterator>
#include <string>

#include "tests/unit/store_idempotent.h"
#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

using namespace std::chrono_literals;

constexpr WallTime start{std::chrono::hours(500'000)};

Bytes key_of(std::uint32_t number) {
  Bytes key(32, 0xA5);
  for (int i = 0; i < 4; ++i)
    key[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * i));
  return key;
}

class IdempotencyTest : public testing::Test {
 protected:
  IdempotencyTest() {
    StoreOptions options = options_for(directory / "db");
    options.schemas = {counter_schema, idempotency_schema};
    store = open_store(options);
  }

  /// Increments a counter and says its value, once for each key.
  StoreResult<Answered> send(std::uint32_t key, std::uint16_t method, std::string message,
                             WallTime now = start, std::string account = "ada", bool ok = true) {
    const auto request = IdempotentRequest::make(key_of(key), method, bytes_of(message));
    const auto limits = this->limits;
    return write(*store, [=](Transaction& transaction) {
      return idempotent(transaction, *request, now, limits, [&](Transaction& inner) {
        const auto value = increment("effect")(inner).value;
        const std::string reply = "reply number " + std::to_string(value);
        return commit(
            Answer{ok, Secret(reply.begin(), reply.end()), Bytes(account.begin(), account.end())});
      });
    });
  }
  static std::string text(const Answered& answered) {
    return std::string(text_of(answered.answer.reply));
  }
  std::int64_t effects() { return counter(*store, "effect"); }
  std::int64_t kept() {
    return read(*store,
                [](Snapshot& snapshot) {
                  return *snapshot.find<std::int64_t>("select count(*) from babilu_reply");
                })
        .value();
  }

  IdempotencyOptions limits;
  TemporaryDirectory directory;
  std::unique_ptr<Store> store;
};

TEST_F(IdempotencyTest, TheSameRequestHasOneEffectAndOneReply) {
  const Answered first = send(1, 7, "message").value();
  EXPECT_EQ(first.kind, Recalled::Kind::fresh);
  EXPECT_EQ(text(first), "reply number 1");
  for (int i = 0; i < 3; ++i) {
    const Answered again = send(1, 7, "message", start + 1h).value();
    EXPECT_EQ(again.kind, Recalled::Kind::replayed);
    EXPECT_TRUE(again.answer.ok);
    EXPECT_EQ(text(again), "reply number 1");
  }
  EXPECT_EQ(effects(), 1);
  EXPECT_EQ(text(send(2, 7, "message").value()), "reply number 2") << "another key is another one";
}

TEST_F(IdempotencyTest, AnotherRequestUnderTheKeyIsAConflict) {
  send(1, 7, "message").value();
  for (const auto& [method, message] : {std::pair<std::uint16_t, std::string>{7, "messagf"},
                                        {7, ""},
                                        {8, "message"},
                                        {0x0107, "message"}}) {
    const Answered answered = send(1, method, message).value();
    EXPECT_EQ(answered.kind, Recalled::Kind::conflict);
    EXPECT_TRUE(answered.answer.reply.empty());
  }
  EXPECT_EQ(effects(), 1);
}

TEST_F(IdempotencyTest, OnlyOkIsKept) {
  EXPECT_FALSE(send(1, 7, "m", start, "ada", false).value().answer.ok);
  EXPECT_EQ(send(1, 7, "m", start, "ada", true).value().kind, Recalled::Kind::fresh);
  EXPECT_EQ(effects(), 2) << "an effect that was committed with a refusal";
  EXPECT_EQ(kept(), 1);
}

TEST_F(IdempotencyTest, ARolledBackUnitKeepsNothing) {
  const auto request = IdempotentRequest::make(key_of(1), 7, {});
  write(*store, [&](Transaction& transaction) {
    return idempotent(transaction, *request, start, limits,
                      [](Transaction&) { return roll_back(Answer{true, {}, {}}); });
  }).value();
  EXPECT_EQ(kept(), 0);
}

TEST_F(IdempotencyTest, RepliesExpire) {
  send(1, 7, "m").value();
  EXPECT_EQ(send(1, 7, "m", start + 24h - 1ms).value().kind, Recalled::Kind::replayed);
  EXPECT_EQ(send(1, 7, "m", start + 24h).value().kind, Recalled::Kind::fresh);
  EXPECT_EQ(effects(), 2);
  EXPECT_EQ(send(1, 7, "m", start + 47h).value().kind, Recalled::Kind::replayed);
  EXPECT_EQ(kept(), 1);
}

TEST_F(IdempotencyTest, ExpiredRepliesAreDeletedALittleAtATime) {
  for (std::uint32_t key = 1; key <= 40; ++key) send(key, 7, "m").value();
  EXPECT_EQ(kept(), 40);
  for (std::uint32_t key = 101; key <= 110; ++key) send(key, 7, "m", start + 25h).value();
  EXPECT_EQ(kept(), 10);
}

TEST_F(IdempotencyTest, RepliesOfAWrongClockDoNotStay) {
  send(1, 7, "m", start + 24h * 365).value();
  send(2, 7, "m").value();
  EXPECT_EQ(kept(), 1);
}

TEST_F(IdempotencyTest, AnAccountHasRoomForSoMany) {
  limits.cap = 5;
  limits.cap_of_nobody = 3;
  for (std::uint32_t key = 1; key <= 20; ++key) {
    send(key, 7, "m", start, "ada").value();
    send(100 + key, 7, "m", start, "bob").value();
    send(200 + key, 7, "m", start, "").value();
  }
  EXPECT_EQ(kept(), 5 + 5 + 3);
  EXPECT_EQ(send(20, 7, "m").value().kind, Recalled::Kind::replayed);
  EXPECT_EQ(send(16, 7, "m").value().kind, Recalled::Kind::replayed);
  EXPECT_EQ(send(15, 7, "m").value().kind, Recalled::Kind::fresh) << "the oldest made room";
}

TEST_F(IdempotencyTest, KeysOfAnotherSizeAreRefused) {
  EXPECT_FALSE(IdempotentRequest::make(Bytes(31), 7, {}));
  EXPECT_FALSE(IdempotentRequest::make(Bytes(33), 7, {}));
  EXPECT_FALSE(IdempotentRequest::make({}, 7, {}));
}

TEST_F(IdempotencyTest, AChangedReplyIsNotGivenOut) {
  send(1, 7, "m").value();
  write(*store, [](Transaction& transaction) {
    auto reply = *transaction.find<Bytes>("select reply from babilu_reply");
    reply.back() ^= 1;
    transaction.execute("update babilu_reply set reply = ?", reply);
    return commit();
  }).value();
  const auto result = send(1, 7, "m");
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
}

TEST_F(IdempotencyTest, NeitherKeyNorMessageNorReplyIsInTheFile) {
  const std::string secret = "marker-in-message-88c1";
  send(1, 7, secret).value();
  const Bytes key = key_of(1);
  const std::string needles[] = {secret, "reply number", std::string(text_of(key))};
  bool found_something = false;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    for (const auto& needle : needles) EXPECT_EQ(bytes.find(needle), std::string::npos);
    // The search would find what is there in clear.
    if (bytes.find("effect") != std::string::npos) found_something = true;
  }
  EXPECT_TRUE(found_something);
}

}  // namespace
}  // namespace babilu::store
