// Two multiplexers without a connection between them, and one with an enemy.
#include <gtest/gtest.h>

#include "core/rpc/multiplexer.h"
#include "core/wire/envelope.pb.h"
#include "tests/support/status.h"

namespace babilu::rpc {
namespace {

using wire::Header;
using wire::Kind;

/// Writes down what happened, in words.
struct Seen final : Multiplexer::Events {
  std::vector<std::string> events;
  void add(std::string event) { events.push_back(std::move(event)); }
  void on_hello(const wire::Hello&) override { add("hello"); }
  void on_request(const wire::Frame& frame, Multiplexer::Tag&) override {
    add("request " + std::to_string(frame.header.stream) + " " +
        std::string(text_of(frame.message())));
  }
  void on_item(const wire::Frame& frame, Multiplexer::Tag, bool) override {
    add("item " + std::to_string(frame.header.stream));
  }
  void on_credit(const wire::Frame& frame, Multiplexer::Tag, bool) override {
    add("credit " + std::to_string(frame.header.stream));
  }
  void on_reply(const wire::Frame& frame, Multiplexer::Tag tag) override {
    add("reply " + std::to_string(tag) + " " + to_string(code_from_wire(frame.header.value)));
  }
  void on_cancel(std::uint32_t stream, Multiplexer::Tag tag) override {
    add("cancel " + std::to_string(stream) + " " + std::to_string(tag));
  }
  void on_pong(std::uint32_t value) override { add("pong " + std::to_string(value)); }
  void on_goaway(std::uint32_t last, const Status& why) override {
    add("goaway " + std::to_string(last) + " " + why.reason);
  }
};

/// A dialer and a listener, and what each has yet to read.
struct Pair {
  explicit Pair(MultiplexerLimits limits = {}, bool greet = true)
      : dialer(Side::dialer, limits, to_listener), listener(Side::listener, limits, to_dialer) {
    if (!greet) return;
    dialer.send_hello({});
    listener.send_hello({});
    pump();
    at_dialer.events.clear();
    at_listener.events.clear();
  }
  void pump() {
    while (!to_listener.empty() || !to_dialer.empty()) {
      const Buffer down = std::exchange(to_listener, {});
      violation_at_listener = listener.receive(down, at_listener);
      const Buffer up = std::exchange(to_dialer, {});
      violation_at_dialer = dialer.receive(up, at_dialer);
      if (violation_at_listener || violation_at_dialer) return;
    }
  }
  std::uint32_t ask(const std::string& message, Multiplexer::Tag tag = 1) {
    return dialer.request({.flags = wire::flags::end, .method = 0x0101}, {}, bytes_of(message),
                          tag);
  }
  /// What the listener says to a frame of an enemy: the reason of its violation, or "".
  std::string attack(const Header& header, std::string_view message = {}) {
    Buffer frame;
    wire::append(frame, header, {}, bytes_of(message));
    auto violation = listener.receive(frame, at_listener);
    return violation ? std::string(violation->reason.word()) : std::string();
  }

  Buffer to_listener;
  Buffer to_dialer;
  Multiplexer dialer;
  Multiplexer listener;
  Seen at_dialer;
  Seen at_listener;
  std::optional<Violation> violation_at_listener;
  std::optional<Violation> violation_at_dialer;
};

using Events = std::vector<std::string>;

TEST(Multiplexer, RepliesInAnyOrderFindTheirRequests) {
  Pair pair;
  EXPECT_EQ(pair.ask("a", 11), 1u);
  EXPECT_EQ(pair.ask("b", 12), 3u);
  pair.pump();
  EXPECT_EQ(pair.at_listener.events, (Events{"request 1 a", "request 3 b"}));
  pair.listener.reply(3, Reply::of({}));
  pair.listener.reply(1, Reply::refuse(Status(Code::not_found)));
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events, (Events{"reply 12 ok", "reply 11 not_found"}));
  EXPECT_EQ(pair.dialer.outgoing(), 0u);
  EXPECT_EQ(pair.listener.incoming(), 0u);
}

TEST(Multiplexer, EachSideAsks) {
  Pair pair;
  EXPECT_EQ(pair.listener.request({.flags = wire::flags::end}, {}, bytes_of("x"), 5), 2u);
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events, (Events{"request 2 x"}));
  pair.dialer.reply(2, Reply::of({}));
  pair.pump();
  EXPECT_EQ(pair.at_listener.events, (Events{"reply 5 ok"}));
}

TEST(Multiplexer, ASecondReplyIsDropped) {
  Pair pair;
  pair.ask("a");
  pair.pump();
  pair.listener.reply(1, Reply::of({}));
  pair.listener.reply(1, Reply::of({}));
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events.size(), 1u);
  EXPECT_FALSE(pair.violation_at_dialer);
}

TEST(Multiplexer, CancelIsToldAndStillAnswered) {
  Pair pair;
  const auto stream = pair.ask("a");
  pair.pump();
  pair.listener.set_tag(stream, 9);
  pair.dialer.cancel(stream);
  pair.pump();
  EXPECT_EQ(pair.at_listener.events.back(), "cancel 1 9");
  pair.listener.reply(stream, Reply::refuse(Status(Code::cancelled)));
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events, (Events{"reply 1 cancelled"}));
  pair.dialer.cancel(stream);  // too late: nothing is sent
  EXPECT_TRUE(pair.to_listener.empty());
}

TEST(Multiplexer, TooManyStreamsAreRefusedUnstarted) {
  Pair pair({.streams = 2});
  for (int i = 0; i < 2; ++i) pair.ask("a");
  EXPECT_FALSE(pair.dialer.may_request());
  pair.ask("one too many", 77);
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events, (Events{"reply 77 resource_exhausted"}));
  EXPECT_EQ(pair.at_listener.events.size(), 2u);
}

TEST(Multiplexer, AReplyTooLargeForTheOtherSideFailsItsStreamOnly) {
  Pair pair({.frame = 1024});
  pair.ask("a");
  pair.pump();
  pair.listener.reply(1, Reply::of(Bytes(2000, 0)));
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events, (Events{"reply 1 resource_exhausted"}));
  EXPECT_FALSE(pair.violation_at_dialer);
  EXPECT_TRUE(pair.dialer.too_large(1025));
  EXPECT_FALSE(pair.dialer.too_large(1024));
}

TEST(Multiplexer, GoawayNamesTheLastStreamAndRefusesLaterOnes) {
  Pair pair;
  pair.ask("a", 1);
  pair.pump();
  pair.listener.goaway(test::status(Code::ok, "draining"));
  pair.ask("b", 2);  // crosses the goaway
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events, (Events{"goaway 1 draining", "reply 2 unavailable"}));
  EXPECT_FALSE(pair.dialer.may_request());
  pair.listener.reply(1, Reply::of({}));
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events.back(), "reply 1 ok");
}

TEST(Multiplexer, PingsAreAnswered) {
  Pair pair;
  pair.dialer.ping(4711);
  pair.pump();
  EXPECT_EQ(pair.at_dialer.events, (Events{"pong 4711"}));
}

TEST(Multiplexer, ViolationsAreNamed) {
  EXPECT_EQ(Pair({}, false).attack({.kind = Kind::request, .stream = 1}), "hello_expected");
  EXPECT_EQ(Pair({}, false).attack({.kind = Kind::hello}, "\xff\xff"), "bad_hello");
  EXPECT_EQ(Pair({}, false).attack({.kind = Kind::hello}), "no_common_version");
  wire::Hello newer;
  newer.set_version_min(2);
  newer.set_version_max(3);
  EXPECT_EQ(Pair({}, false).attack({.kind = Kind::hello}, newer.SerializeAsString()),
            "no_common_version");
  EXPECT_EQ(Pair().attack({.kind = Kind::hello}), "second_hello");
  EXPECT_EQ(Pair().attack({.kind = Kind::request, .stream = 2}), "wrong_parity");
  EXPECT_EQ(Pair().attack({.kind = Kind::reply, .stream = 2}), "unknown_stream");
  Pair pair;
  EXPECT_EQ(pair.attack({.kind = Kind::request, .stream = 1}), "");
  EXPECT_EQ(pair.attack({.kind = Kind::request, .stream = 1}), "stream_in_use");
  EXPECT_EQ(pair.attack({.kind = Kind::cancel, .stream = 99}), "") << "not live: ignored";
  EXPECT_EQ(pair.attack({.kind = Kind::item, .stream = 99}), "") << "not live: ignored";
}

TEST(Multiplexer, ABrokenConnectionGivesBackEveryTag) {
  Pair pair;
  for (Multiplexer::Tag tag = 1; tag <= 3; ++tag) pair.ask("a", tag);
  Multiplexer::Tag sum = 0;
  pair.dialer.abandon_outgoing([&](Multiplexer::Tag tag) { sum += tag; });
  EXPECT_EQ(sum, 6u);
  EXPECT_EQ(pair.dialer.outgoing(), 0u);
}

}  // namespace
}  // namespace babilu::rpc
