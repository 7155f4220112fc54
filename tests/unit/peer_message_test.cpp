#include <gtest/gtest.h>

#include "roles/api/peer.pb.h"
#include "roles/peer/envelope.h"
#include "roles/peer/rate_limit.h"

namespace babilu::peer {
namespace {

using namespace std::chrono_literals;

const store::WallTime now{std::chrono::milliseconds(1'767'225'600'123)};

TEST(PeerEnvelope, OpensToWhatWasSealed) {
  const Message message{.id = {1, 2, 3}, .text = "grüße\nzwei", .sent_at = now};
  api::DeliverRequest envelope;
  seal(message, envelope);
  const auto opened = open(envelope, now + 5s);
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ(opened->id, message.id);
  EXPECT_EQ(opened->text, message.text);
  EXPECT_EQ(opened->sent_at, now);
  EXPECT_EQ(opened->kept_at, now + 5s);
  EXPECT_EQ(opened->state, MessageState::received);
}

TEST(PeerEnvelope, TakesNoTimeThatTheClockCannotHold) {
  api::DeliverRequest envelope;
  seal({.text = "x", .sent_at = now}, envelope);
  envelope.set_sent_at(UINT64_MAX);
  EXPECT_EQ(open(envelope, now).error().reason, "sent_at");
  envelope.set_sent_at(7'258'118'400'000);
  EXPECT_TRUE(open(envelope, now));
}

TEST(PeerMessage, TextHasItsLimits) {
  EXPECT_TRUE(check_text("x").ok());
  EXPECT_TRUE(check_text(std::string(most_text_bytes, 'x')).ok());
  EXPECT_TRUE(check_text("\x1B[31mred").ok());  // made harmless where it is shown
  EXPECT_EQ(check_text("").reason, "text_empty");
  EXPECT_EQ(check_text(std::string(most_text_bytes + 1, 'x')).reason, "text_too_long");
  EXPECT_EQ(check_text(std::string_view("a\0b", 3)).reason, "text_not_utf8");
  EXPECT_EQ(check_text("\xC0\xAF").reason, "text_not_utf8");
}

TEST(PeerRateLimit, GivesItsBurstAndThenItsRate) {
  RateLimit limit({.per_second = 10, .burst = 3});
  Clock::time_point time{1h};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(time));
  EXPECT_FALSE(limit.take(time));
  EXPECT_EQ(limit.wait(time), 100ms);
  EXPECT_FALSE(limit.take(time + 99ms));
  EXPECT_TRUE(limit.take(time + 100ms));
  EXPECT_FALSE(limit.take(time + 100ms));
  time += 10s;  // no more than the burst is saved up
  EXPECT_EQ(limit.wait(time), 0ms);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(time));
  EXPECT_FALSE(limit.take(time));
}

TEST(PeerRateLimit, GivesItsBurstAtTheBeginningOfTime) {
  RateLimit limit({.per_second = 1, .burst = 2});
  EXPECT_TRUE(limit.take(Clock::time_point{}));
  EXPECT_TRUE(limit.take(Clock::time_point{}));
  EXPECT_FALSE(limit.take(Clock::time_point{}));
}

}  // namespace
}  // namespace babilu::peer
