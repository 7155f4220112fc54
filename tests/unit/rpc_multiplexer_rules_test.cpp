// The rules that a multiplexer holds its own side to: numbers, limits, and what is said of replies.
#include <gtest/gtest.h>

#include "core/rpc/multiplexer.h"
#include "core/wire/envelope.pb.h"
#include "tests/support/status.h"

namespace babilu::rpc {
namespace {

using wire::Header;
using wire::Kind;

/// Notes what came, with what the owner was told of it.
struct Seen final : Multiplexer::Events {
  std::vector<std::string> events;
  std::vector<Header> headers;
  std::vector<std::string> refused;
  std::optional<wire::Hello> hello;
  Multiplexer::Tag tag = 0;  ///< given to each request

  void on_hello(const wire::Hello& said) override { hello = said; }
  void on_request(const wire::Frame& frame, Multiplexer::Tag& to_give) override {
    events.push_back("request " + std::to_string(frame.header.stream));
    if (tag != 0) to_give = tag;
  }
  void on_refused(const wire::Frame&, Status& why) override { refused.push_back(why.reason); }
  void on_item(const wire::Frame& frame, Multiplexer::Tag given, bool outgoing) override {
    note("item", frame, given, outgoing);
  }
  void on_credit(const wire::Frame& frame, Multiplexer::Tag given, bool outgoing) override {
    note("credit", frame, given, outgoing);
  }
  void on_reply(const wire::Frame& frame, Multiplexer::Tag) override {
    headers.push_back(frame.header);
    details.push_back(decode_detail(code_from_wire(frame.header.value), frame.message()));
  }
  void on_cancel(std::uint32_t stream, Multiplexer::Tag) override {
    events.push_back("cancel " + std::to_string(stream));
  }
  void on_pong(std::uint32_t value) override { events.push_back("pong " + std::to_string(value)); }
  void on_goaway(std::uint32_t last, const Status& why) override {
    events.push_back("goaway " + std::to_string(last) + " " + to_string(why.code));
  }
  std::vector<Status> details;

 private:
  void note(const char* kind, const wire::Frame& frame, Multiplexer::Tag given, bool outgoing) {
    events.push_back(std::string(kind) + " " + std::to_string(frame.header.stream) + " tag " +
                     std::to_string(given) + (outgoing ? " ours" : " theirs"));
  }
};

using Events = std::vector<std::string>;

/// Two ends, and what each has yet to read.
struct Pair {
  explicit Pair(MultiplexerLimits of_dialer = {}, MultiplexerLimits of_listener = {})
      : dialer(Side::dialer, of_dialer, to_listener),
        listener(Side::listener, of_listener, to_dialer) {
    dialer.send_hello({});
    listener.send_hello({});
    pump();
  }
  void pump() {
    while (!to_listener.empty() || !to_dialer.empty()) {
      const Buffer down = std::exchange(to_listener, {});
      EXPECT_FALSE(listener.receive(down, at_listener));
      const Buffer up = std::exchange(to_dialer, {});
      EXPECT_FALSE(dialer.receive(up, at_dialer));
    }
  }
  std::uint32_t ask(Multiplexer& side, Multiplexer::Tag tag = 1) {
    return side.request({.flags = wire::flags::end}, {}, {}, tag);
  }

  Buffer to_listener;
  Buffer to_dialer;
  Multiplexer dialer;
  Multiplexer listener;
  Seen at_dialer;
  Seen at_listener;
};

TEST(MultiplexerNumbers, CountUpFromOneAndTwo) {
  Pair pair;
  EXPECT_EQ(pair.ask(pair.dialer), 1u);
  EXPECT_EQ(pair.ask(pair.dialer), 3u);
  EXPECT_EQ(pair.ask(pair.listener), 2u);
  EXPECT_EQ(pair.ask(pair.listener), 4u);
}

TEST(MultiplexerNumbers, WrapPastThoseThatAreStillLive) {
  Pair pair;
  EXPECT_EQ(pair.ask(pair.dialer, 11), 1u);
  EXPECT_EQ(pair.ask(pair.dialer, 13), 3u);
  EXPECT_EQ(pair.ask(pair.dialer, 15), 5u);
  pair.pump();
  pair.listener.reply(3, Reply::of({}));
  pair.pump();
  pair.dialer.number_from(UINT32_MAX);
  EXPECT_EQ(pair.ask(pair.dialer), UINT32_MAX);
  EXPECT_EQ(pair.ask(pair.dialer), 3u) << "1 is live: two requests under one number get one reply";
  EXPECT_EQ(pair.ask(pair.dialer), 7u);
  pair.pump();  // and the other side takes them for new ones
  EXPECT_EQ(pair.dialer.outgoing(), 5u);
}

TEST(MultiplexerNumbers, OfAListenerNeverBecomeTheConnectionItself) {
  Pair pair;
  EXPECT_EQ(pair.ask(pair.listener), 2u);
  pair.listener.number_from(UINT32_MAX - 1);
  EXPECT_EQ(pair.ask(pair.listener), UINT32_MAX - 1);
  EXPECT_EQ(pair.ask(pair.listener), 4u) << "0 is the connection, and 2 is live";
  pair.pump();
}

TEST(MultiplexerLimits, AreSaidInTheHello) {
  Pair pair({.frame = 5000, .streams = 7, .credit = 70'000}, {});
  ASSERT_TRUE(pair.at_listener.hello);
  EXPECT_EQ(pair.at_listener.hello->version_min(), 1u);
  EXPECT_EQ(pair.at_listener.hello->version_max(), 1u);
  EXPECT_EQ(pair.at_listener.hello->frame_limit(), 5000u);
  EXPECT_EQ(pair.at_listener.hello->streams_limit(), 7u);
  EXPECT_EQ(pair.at_listener.hello->initial_credit(), 70'000u);
  EXPECT_EQ(pair.listener.peer_frame_limit(), 5000u);
  EXPECT_TRUE(pair.listener.too_large(5001));
  EXPECT_FALSE(pair.dialer.too_large(5001)) << "each has its own";
  for (int i = 0; i < 7; ++i) {
    EXPECT_TRUE(pair.listener.may_request());
    pair.ask(pair.listener);
  }
  EXPECT_FALSE(pair.listener.may_request());
  pair.pump();
  pair.dialer.reply(2, Reply::of({}));
  pair.pump();
  EXPECT_TRUE(pair.listener.may_request());
}

/// What one that has just been made says to a first frame.
std::string first(const wire::Hello& hello, MultiplexerLimits limits = {}) {
  Buffer out;
  Multiplexer listener(Side::listener, limits, out);
  Buffer frame;
  const std::string text = hello.SerializeAsString();
  wire::append(frame, {.kind = Kind::hello}, {}, bytes_of(text));
  Seen seen;
  const auto violation = listener.receive(frame, seen);
  EXPECT_EQ(listener.greeted(), !violation);
  EXPECT_EQ(seen.hello.has_value(), !violation);
  return violation ? std::string(violation->reason.word()) : "";
}

wire::Hello versions(std::uint32_t min, std::uint32_t max) {
  wire::Hello hello;
  hello.set_version_min(min);
  hello.set_version_max(max);
  return hello;
}

TEST(MultiplexerHello, AnyRangeWithOurVersionInItWillDo) {
  EXPECT_EQ(first(versions(1, 1)), "");
  EXPECT_EQ(first(versions(0, 1)), "");
  EXPECT_EQ(first(versions(1, 9)), "");
  EXPECT_EQ(first(versions(0, 0)), "no_common_version");
  EXPECT_EQ(first(versions(2, 9)), "no_common_version");
}

TEST(MultiplexerHello, GrantsTheLeastCredit) {
  wire::Hello hello = versions(1, 1);
  hello.set_initial_credit(default_credit);
  EXPECT_EQ(first(hello), "");
  hello.set_initial_credit(default_credit - 1);
  EXPECT_EQ(first(hello), "credit_too_small");
}

TEST(MultiplexerHello, TakesFramesInWhichARefusalFits) {
  wire::Hello hello = versions(1, 1);
  for (const std::uint32_t limit : {0u, 1024u, 65'536u, wire::default_frame_limit, UINT32_MAX}) {
    hello.set_frame_limit(limit);
    EXPECT_EQ(first(hello), "") << limit;
  }
  for (const std::uint32_t limit : {1u, 24u, 1023u}) {
    hello.set_frame_limit(limit);
    EXPECT_EQ(first(hello), "frame_limit_too_small") << limit;
  }
}

TEST(MultiplexerHello, OfAStrangerIsShort) {
  wire::Hello hello = versions(1, 1);
  hello.set_agent(std::string(wire::hello_limit, 'x'));
  EXPECT_EQ(first(hello), "bad_frame");
  hello.set_agent(std::string(wire::hello_limit - 100, 'x'));
  EXPECT_EQ(first(hello), "");
  hello.set_agent(std::string(2000, 'x'));
  EXPECT_EQ(first(hello, {.frame = 1000}), "bad_frame") << "nor over our own limit";
}

TEST(MultiplexerHello, WhatItDoesNotSayIsAsUsual) {
  Buffer out;
  Multiplexer listener(Side::listener, {}, out);
  Buffer frame;
  const std::string text = versions(1, 1).SerializeAsString();
  wire::append(frame, {.kind = Kind::hello}, {}, bytes_of(text));
  Seen seen;
  EXPECT_FALSE(listener.may_request()) << "before the hello";
  ASSERT_FALSE(listener.receive(frame, seen));
  EXPECT_EQ(listener.peer_frame_limit(), wire::default_frame_limit);
  for (std::uint32_t i = 0; i < MultiplexerLimits{}.streams; ++i) {
    ASSERT_TRUE(listener.may_request()) << i;
    listener.request({}, {}, {}, 1);
  }
  EXPECT_FALSE(listener.may_request());
}

TEST(MultiplexerFrames, MayBeAsLargeAsOurLimitOnceWeKnowEachOther) {
  Pair pair({}, {.frame = 100'000});
  Buffer out;
  wire::append(out, {.kind = Kind::request, .stream = 1}, {}, Bytes(100'000, 0));
  EXPECT_FALSE(pair.listener.receive(out, pair.at_listener));
  out = {};
  wire::append(out, {.kind = Kind::request, .stream = 3}, {}, Bytes(100'001, 0));
  const auto violation = pair.listener.receive(out, pair.at_listener);
  ASSERT_TRUE(violation);
  EXPECT_EQ(violation->reason.word(), "bad_frame");
  EXPECT_EQ(pair.at_listener.events, (Events{"request 1"}));
}

TEST(MultiplexerRefusals, OneTooManyIsToldApartFromWhatWasStarted) {
  Pair pair({}, {.streams = 2});
  for (int i = 0; i < 3; ++i) pair.ask(pair.dialer);
  pair.pump();
  EXPECT_EQ(pair.at_listener.events, (Events{"request 1", "request 3"}));
  EXPECT_EQ(pair.at_listener.refused, (Events{"too_many_streams"}));
  ASSERT_EQ(pair.at_dialer.headers.size(), 1u);
  EXPECT_TRUE(pair.at_dialer.headers[0].has(wire::flags::unstarted));
  EXPECT_EQ(pair.listener.incoming(), 2u) << "what was refused takes no room";
  EXPECT_EQ(pair.dialer.outgoing(), 2u);
}

TEST(MultiplexerRefusals, AfterAGoawayAreUnstarted) {
  Pair pair;
  pair.listener.goaway({});
  EXPECT_FALSE(pair.listener.may_request()) << "nor does who leaves begin anything";
  pair.listener.goaway(Status(Code::internal));  // is said once
  pair.ask(pair.dialer);
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events, (Events{"goaway 0 ok"}));
  EXPECT_TRUE(pair.dialer.peer_going_away());
  EXPECT_TRUE(pair.listener.going_away());
  EXPECT_FALSE(pair.dialer.going_away());
  EXPECT_EQ(pair.at_listener.refused, (Events{"draining"}));
  ASSERT_EQ(pair.at_dialer.headers.size(), 1u);
  EXPECT_TRUE(pair.at_dialer.headers[0].has(wire::flags::unstarted));
  EXPECT_EQ(pair.at_dialer.details[0].code, Code::unavailable);
}

TEST(MultiplexerRefusals, AGoawayThatExplainsNothingCountsAllTheSame) {
  Pair pair;
  Buffer out;
  wire::append(out, {.kind = Kind::goaway, .value = 5}, {}, bytes_of("\xff\xff"));
  EXPECT_FALSE(pair.dialer.receive(out, pair.at_dialer));
  EXPECT_EQ(pair.at_dialer.events, (Events{"goaway 5 ok"}));
  EXPECT_FALSE(pair.dialer.may_request());
}

TEST(MultiplexerReplies, SayWhatTheyAre) {
  Pair pair;
  for (int i = 0; i < 4; ++i) pair.ask(pair.dialer);
  pair.pump();
  pair.listener.reply(1, Reply::of({}));
  Reply refusal = Reply::refuse(test::status(Code::unavailable, "nobody", "there is nobody"));
  pair.listener.reply(3, refusal);
  refusal.unstarted = true;
  pair.listener.reply(5, refusal);
  pair.listener.relay_reply(7, {.flags = wire::flags::unstarted, .value = 9, .meta = 2},
                            bytes_of("metadetail"));
  pair.pump();
  const auto& headers = pair.at_dialer.headers;
  ASSERT_EQ(headers.size(), 4u);
  for (const Header& header : headers) EXPECT_TRUE(header.has(wire::flags::end));
  EXPECT_EQ(headers[0].value, 0u);
  EXPECT_FALSE(headers[0].has(wire::flags::unstarted));
  EXPECT_EQ(headers[1].value, 14u);
  EXPECT_FALSE(headers[1].has(wire::flags::unstarted));
  EXPECT_TRUE(headers[2].has(wire::flags::unstarted));
  EXPECT_EQ(pair.at_dialer.details[1].reason, "nobody");
  EXPECT_EQ(pair.at_dialer.details[1].message, "there is nobody");
  EXPECT_TRUE(headers[3].has(wire::flags::unstarted)) << "passed on as it came";
  EXPECT_EQ(headers[3].value, 9u);
  EXPECT_EQ(headers[3].meta, 2u);
}

TEST(MultiplexerReplies, AreUnstartedOnlyWhereTheyMayDifferNextTime) {
  Pair pair;
  for (std::uint8_t code = 1; code <= 16; ++code) {
    pair.ask(pair.dialer);
    pair.pump();
    Reply refusal = Reply::refuse(test::status(static_cast<Code>(code), "no"));
    refusal.unstarted = true;
    pair.listener.reply(2u * code - 1, refusal);
    pair.pump();
    ASSERT_EQ(pair.at_dialer.headers.size(), code);
    const bool may_differ = code == 4 || code == 8 || code == 14;
    EXPECT_EQ(pair.at_dialer.headers.back().has(wire::flags::unstarted), may_differ)
        << to_string(static_cast<Code>(code));
  }
}

TEST(MultiplexerReplies, LargerThanTheOtherSideTakesSayThat) {
  Pair pair({.frame = 1024}, {});
  for (int i = 0; i < 6; ++i) pair.ask(pair.dialer);
  pair.pump();
  const Bytes fits(1024, 7);
  const Bytes larger(1025, 7);
  pair.listener.reply(1, Reply::of(fits));
  pair.listener.reply(3, Reply::of(larger));
  pair.listener.relay_reply(5, {}, fits);
  pair.listener.relay_reply(7, {.flags = wire::flags::unstarted}, larger);
  Reply wordy = Reply::refuse(test::status(Code::unavailable, "no", std::string(1100, 'x')));
  wordy.unstarted = true;
  wordy.status.retry_after = std::chrono::milliseconds(5);
  pair.listener.reply(9, wordy);
  pair.listener.reply(11, Reply::refuse(test::status(Code::not_found, std::string(1100, 'x'))));
  EXPECT_EQ(pair.listener.incoming(), 0u);
  pair.pump();
  const auto& headers = pair.at_dialer.headers;
  ASSERT_EQ(headers.size(), 6u);
  const auto& details = pair.at_dialer.details;
  for (const int ok : {0, 2}) {
    EXPECT_EQ(headers[ok].value, 0u);
    EXPECT_EQ(headers[ok].size, 1024u);
  }
  for (const int no : {1, 3}) {
    EXPECT_EQ(headers[no].value, static_cast<std::uint32_t>(Code::resource_exhausted));
    EXPECT_EQ(details[no].reason, "reply_too_large");
    EXPECT_FALSE(headers[no].has(wire::flags::unstarted)) << "it has been done";
  }
  EXPECT_EQ(headers[4].value, static_cast<std::uint32_t>(Code::unavailable));
  EXPECT_TRUE(headers[4].has(wire::flags::unstarted));
  EXPECT_EQ(details[4].reason, "no");
  EXPECT_EQ(details[4].message, "");
  EXPECT_EQ(details[4].retry_after, std::chrono::milliseconds(5));
  EXPECT_EQ(headers[5].value, static_cast<std::uint32_t>(Code::not_found));
  EXPECT_EQ(headers[5].size, 0u);
  for (const Header& header : headers) EXPECT_TRUE(header.has(wire::flags::end));
}

TEST(MultiplexerStreams, ItemsAndCreditFindTheirStreamBothWays) {
  Pair pair;
  pair.at_listener.tag = 21;
  const auto stream = pair.ask(pair.dialer, 11);
  pair.pump();
  pair.at_listener.events.clear();
  for (const Kind kind : {Kind::item, Kind::credit}) {
    pair.dialer.forward({.kind = kind, .stream = stream}, {});
    pair.listener.forward({.kind = kind, .stream = stream}, {});
  }
  pair.pump();
  EXPECT_EQ(pair.at_listener.events, (Events{"item 1 tag 21 theirs", "credit 1 tag 21 theirs"}));
  EXPECT_EQ(pair.at_dialer.events, (Events{"item 1 tag 11 ours", "credit 1 tag 11 ours"}));
  pair.dialer.set_tag(stream, 12);
  pair.listener.forward({.kind = Kind::item, .stream = stream}, {});
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events.back(), "item 1 tag 12 ours");
}

TEST(MultiplexerStreams, NothingIsSentOnOneThatIsOver) {
  Pair pair;
  const auto stream = pair.ask(pair.dialer);
  pair.pump();
  pair.listener.reply(stream, Reply::of({}));
  pair.listener.forward({.kind = Kind::item, .stream = stream}, {});
  pair.pump();
  pair.dialer.forward({.kind = Kind::item, .stream = stream}, {});
  pair.dialer.forward({.kind = Kind::item, .stream = 77}, {});
  EXPECT_TRUE(pair.to_listener.empty());
  EXPECT_TRUE(pair.at_dialer.events.empty());
}

TEST(MultiplexerStreams, WhoServesACallDoesNotCancelIt) {
  Pair pair;
  const auto stream = pair.ask(pair.dialer);
  pair.pump();
  Buffer out;
  wire::append(out, {.kind = Kind::cancel, .stream = stream}, {}, {});
  EXPECT_FALSE(pair.dialer.receive(out, pair.at_dialer));
  EXPECT_TRUE(pair.at_dialer.events.empty());
  EXPECT_EQ(pair.dialer.outgoing(), 1u);
}

TEST(MultiplexerStreams, ABrokenConnectionGivesBackWhatWasAskedOfIt) {
  Pair pair;
  pair.at_listener.tag = 5;
  pair.ask(pair.dialer);
  pair.ask(pair.dialer);
  pair.ask(pair.listener, 9);
  pair.pump();
  Multiplexer::Tag sum = 0;
  pair.listener.abandon_incoming([&](Multiplexer::Tag tag) { sum += tag; });
  EXPECT_EQ(sum, 10u);
  EXPECT_EQ(pair.listener.incoming(), 0u);
  EXPECT_EQ(pair.listener.outgoing(), 1u);
}

TEST(Status, TravelsWhole) {
  Status status = test::status(Code::resource_exhausted, "busy", "too much to do");
  status.request_id = "4711";
  status.retry_after = std::chrono::milliseconds(1234);
  const Status back = decode_detail(status.code, encode_detail(status));
  EXPECT_EQ(back.code, status.code);
  EXPECT_EQ(back.reason, status.reason);
  EXPECT_EQ(back.message, status.message);
  EXPECT_EQ(back.request_id, status.request_id);
  EXPECT_EQ(back.retry_after, status.retry_after);
  EXPECT_EQ(status.to_string(), "resource_exhausted (busy): too much to do");
  EXPECT_EQ(Status(Code::internal).to_string(), "internal");
  EXPECT_EQ(Status().to_string(), "ok");
}

TEST(Status, ADetailThatDoesNotParseLeavesTheCode) {
  const Status status = decode_detail(Code::not_found, bytes_of("\xff\xff"));
  EXPECT_EQ(status.code, Code::not_found);
  EXPECT_EQ(status.reason, "");
}

TEST(Status, CodesAreThoseOfGrpc) {
  EXPECT_EQ(code_from_wire(0), Code::ok);
  EXPECT_EQ(code_from_wire(16), Code::unauthenticated);
  EXPECT_EQ(code_from_wire(17), Code::unknown);
  EXPECT_EQ(code_from_wire(UINT32_MAX), Code::unknown);
  EXPECT_STREQ(to_string(Code::ok), "ok");
  EXPECT_STREQ(to_string(Code::cancelled), "cancelled");
  EXPECT_STREQ(to_string(Code::deadline_exceeded), "deadline_exceeded");
  EXPECT_STREQ(to_string(Code::unavailable), "unavailable");
  EXPECT_STREQ(to_string(Code::unauthenticated), "unauthenticated");
}

}  // namespace
}  // namespace babilu::rpc
