// The calling half of a session: a request goes out as it was meant, and its caller always hears.
#include <gtest/gtest.h>

#include "core/rpc/session.h"
#include "tests/support/status.h"
#include "tests/unit/rpc_support.h"

namespace babilu::rpc {
namespace {

using namespace std::chrono_literals;
using testing::Arrived;
using testing::RawEnd;
using wire::Kind;

using Result = Session::CallResult;

task<> serve(Session& session, std::optional<Status>& outcome) {
  outcome = co_await session.run();
}

/// A call with all that it needs kept while it waits.
struct Calling {
  std::string message = "hello";
  CallOptions options;
  std::optional<Result> result;
  bool cancelled = false;

  std::string reason() const { return result ? result->reply.status.reason : "none"; }
  Code code() const { return result ? result->reply.status.code : Code::unknown; }
};

task<> call(Session& session, Calling& calling) {
  try {
    calling.result = co_await session.call(0x0203, bytes_of(calling.message), calling.options);
  } catch (const boost::system::system_error&) {
    calling.cancelled = true;
  }
}

/// A session that calls, and the other end.
struct Bench {
  explicit Bench(sim::World& world, SessionOptions options = {})
      : Bench(world, options, net::make_memory_pair(world.runtime())) {}
  Bench(sim::World& world, SessionOptions options, net::MemoryPair pair)
      : runtime(world.runtime()),
        other(runtime, std::move(pair.b)),
        session(runtime, std::move(pair.a), Side::dialer, services, options),
        scope(runtime) {
    other.answers_pings = true;
    scope.spawn("serve", serve(session, outcome));
  }
  task<> greeted(wire::Hello hello = {}) {
    other.hello(std::move(hello));
    const bool greeted = co_await session.greeted(runtime.now() + 1s);
    EXPECT_TRUE(greeted);
  }
  void start(Calling& calling) { scope.spawn("call", call(session, calling)); }
  task<> pause(Clock::duration time) { co_await runtime.sleep_for(time); }
  task<> end() {
    co_await other.close();
    co_await scope.join();
  }

  Runtime& runtime;
  ServiceTable services;
  RawEnd other;
  Session session;
  Scope scope;
  std::optional<Status> outcome;
};

void run(task<> (*test)(sim::World&)) {
  sim::World world(1);
  world.run(test(world));
}

task<> as_meant(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  Calling plain;
  bench.start(plain);
  const std::string key(32, 'k');
  Calling full{.options = {.deadline = bench.runtime.now() + 1500ms + 1us,
                           .token = "token",
                           .idempotency_key = key,
                           .route = 77}};
  bench.start(full);
  Calling retryable{.options = {.retryable = true}};
  bench.start(retryable);
  co_await bench.other.next(Kind::request, 3);
  const auto sent = bench.other.of(Kind::request);

  EXPECT_EQ(sent.at(0).header.method, 0x0203);
  EXPECT_EQ(sent.at(0).header.flags, wire::flags::end) << "nobody may send it twice";
  EXPECT_EQ(sent.at(0).header.value, 0u) << "no deadline";
  EXPECT_EQ(sent.at(0).header.route, 0u);
  EXPECT_EQ(sent.at(0).header.hop, 0u);
  EXPECT_EQ(sent.at(0).message, "hello");

  EXPECT_EQ(sent.at(1).header.flags, wire::flags::end | wire::flags::retryable)
      << "a key makes it so";
  EXPECT_EQ(sent.at(1).header.value, 1501u) << "in milliseconds, rounded up";
  EXPECT_EQ(sent.at(1).header.route, 77u);
  EXPECT_EQ(sent.at(1).metadata().token(), "token");
  EXPECT_EQ(sent.at(1).metadata().idempotency_key(), key);
  EXPECT_EQ(sent.at(1).message, "hello");
  EXPECT_EQ(sent.at(2).header.flags, wire::flags::end | wire::flags::retryable);

  bench.other.reply(sent.at(2).header.stream, "three");
  bench.other.reply(sent.at(0).header.stream, "one");
  Status no = test::status(Code::not_found, "nobody", "there is nobody");
  no.retry_after = 250ms;
  no.request_id = "id";
  bench.other.refuse(sent.at(1).header.stream, no);
  co_await bench.pause(1ms);
  EXPECT_EQ(text_of(plain.result->reply.message), "one");
  EXPECT_TRUE(plain.result->reply.status.ok());
  EXPECT_EQ(text_of(retryable.result->reply.message), "three");
  EXPECT_EQ(full.code(), Code::not_found);
  EXPECT_EQ(full.reason(), "nobody");
  EXPECT_EQ(full.result->reply.status.message, "there is nobody");
  EXPECT_EQ(full.result->reply.status.retry_after, 250ms);
  EXPECT_EQ(full.result->reply.status.request_id, "id");
  EXPECT_FALSE(full.result->reply.unstarted);
  EXPECT_FALSE(full.result->connection_lost);
  co_await bench.end();
}

TEST(SessionCall, ARequestGoesOutAsItWasMeantAndGetsItsReply) {
  run(as_meant);
}

task<> unstarted(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  Calling calling;
  bench.start(calling);
  co_await bench.other.next(Kind::request);
  bench.other.refuse(1, test::status(Code::unavailable, "draining"), true);
  co_await bench.pause(1ms);
  EXPECT_EQ(calling.reason(), "draining");
  EXPECT_TRUE(calling.result->reply.unstarted);
  co_await bench.end();
}

TEST(SessionCall, HearsThatARequestWasNotStarted) {
  run(unstarted);
}

task<> time_is_up(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  const auto began = bench.runtime.now();
  Calling late{.options = {.deadline = began + 2s}};
  bench.start(late);
  co_await bench.runtime.sleep_until(began + 1900ms);
  EXPECT_FALSE(late.result);
  EXPECT_TRUE(bench.other.of(Kind::cancel).empty());
  co_await bench.runtime.sleep_until(began + 2100ms);
  EXPECT_EQ(late.code(), Code::deadline_exceeded);
  EXPECT_FALSE(late.result->connection_lost);
  const Arrived cancel = co_await bench.other.next(Kind::cancel);
  EXPECT_EQ(cancel.header.stream, 1u) << "the other side need not work on";
  // The reply comes all the same, and is nobody's.
  bench.other.reply(1, "late");
  Calling next;
  bench.start(next);
  co_await bench.other.next(Kind::request, 2);
  bench.other.reply(3, "next");
  co_await bench.pause(1ms);
  EXPECT_EQ(text_of(next.result->reply.message), "next");
  EXPECT_FALSE(bench.outcome);
  co_await bench.end();
}

TEST(SessionCall, ACallEndsAtItsDeadlineAndIsCancelled) {
  run(time_is_up);
}

task<> past_deadline(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  co_await bench.pause(10s);
  Calling late{.options = {.deadline = bench.runtime.now() - 5s}};
  bench.start(late);
  co_await bench.pause(1ms);
  EXPECT_EQ(late.code(), Code::deadline_exceeded);
  for (const Arrived& request : bench.other.of(Kind::request)) {
    EXPECT_EQ(request.header.value, 1u) << "0 would mean no deadline at all";
  }
  co_await bench.end();
}

TEST(SessionCall, APastDeadlineIsNotTakenForNone) {
  run(past_deadline);
}

task<> lost(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  Calling one;
  Calling two;
  Calling answered;
  bench.start(answered);
  bench.start(one);
  bench.start(two);
  co_await bench.other.next(Kind::request, 3);
  bench.other.reply(1, "fine");
  co_await bench.pause(1ms);
  co_await bench.other.close();
  co_await bench.pause(1ms);
  for (const Calling* calling : {&one, &two}) {
    EXPECT_EQ(calling->code(), Code::unavailable);
    EXPECT_EQ(calling->reason(), "connection_lost");
    EXPECT_TRUE(calling->result && calling->result->connection_lost)
        << "nobody knows whether it had its effect";
    EXPECT_FALSE(calling->result && calling->result->reply.unstarted);
  }
  EXPECT_EQ(text_of(answered.result->reply.message), "fine");
  EXPECT_FALSE(answered.result->connection_lost);
  Calling later;
  bench.start(later);
  co_await bench.pause(1ms);
  EXPECT_EQ(later.reason(), "not_accepting");
  co_await bench.end();
}

TEST(SessionCall, EveryWaitingCallHearsThatTheConnectionWasLost) {
  run(lost);
}

task<> not_accepting(sim::World& world) {
  Bench bench(world);
  Calling early;
  bench.start(early);
  wire::Hello hello;
  hello.set_streams_limit(2);
  co_await bench.greeted(hello);
  Calling first;
  Calling second;
  Calling third;
  bench.start(first);
  bench.start(second);
  bench.start(third);
  co_await bench.pause(1ms);
  EXPECT_FALSE(first.result);
  EXPECT_FALSE(second.result);
  for (const Calling* refused : {&early, &third}) {
    EXPECT_EQ(refused->code(), Code::unavailable);
    EXPECT_EQ(refused->reason(), "not_accepting");
    EXPECT_TRUE(refused->result && refused->result->reply.unstarted);
    EXPECT_FALSE(refused->result && refused->result->connection_lost);
  }
  EXPECT_EQ(bench.other.of(Kind::request).size(), 2u);
  bench.other.reply(1);
  co_await bench.pause(1ms);
  Calling fourth;
  bench.start(fourth);
  co_await bench.pause(1ms);
  EXPECT_EQ(bench.other.of(Kind::request).size(), 3u) << "there is room again";

  EXPECT_FALSE(bench.session.other_side_leaving());
  bench.other.goaway();
  bench.other.reply(3);
  co_await bench.pause(1ms);
  EXPECT_TRUE(bench.session.other_side_leaving());
  EXPECT_TRUE(second.result) << "what was taken is still answered";
  Calling fifth;
  bench.start(fifth);
  co_await bench.pause(1ms);
  EXPECT_EQ(fifth.reason(), "not_accepting");
  EXPECT_EQ(bench.other.of(Kind::request).size(), 3u);
  co_await bench.end();
}

TEST(SessionCall, NothingIsSentThatTheOtherSideDoesNotTakeNow) {
  run(not_accepting);
}

task<> too_large(sim::World& world) {
  Bench bench(world);
  wire::Hello hello;
  hello.set_frame_limit(1024);
  co_await bench.greeted(hello);
  Calling fits{.message = std::string(1024, 'x')};
  Calling larger{.message = std::string(1025, 'x')};
  // What goes with the message counts.
  Calling with_token{.message = std::string(1024, 'x'), .options = {.token = "t"}};
  bench.start(larger);
  bench.start(with_token);
  bench.start(fits);
  co_await bench.pause(1ms);
  for (const Calling* refused : {&larger, &with_token}) {
    EXPECT_EQ(refused->code(), Code::invalid_argument);
    EXPECT_EQ(refused->reason(), "request_too_large");
    EXPECT_FALSE(refused->result && refused->result->reply.unstarted) << "it never fits";
  }
  EXPECT_FALSE(fits.result);
  EXPECT_EQ(bench.other.of(Kind::request).size(), 1u);
  co_await bench.end();
}

TEST(SessionCall, ARequestOverTheOthersLimitIsNotSent) {
  run(too_large);
}

task<> long_metadata(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  const std::string token(100'000, 't');
  Calling calling{.options = {.token = token}};
  bench.start(calling);
  co_await bench.pause(1ms);
  EXPECT_EQ(calling.reason(), "request_too_large");
  EXPECT_TRUE(bench.other.of(Kind::request).empty());
  EXPECT_FALSE(bench.outcome);
  co_await bench.end();
}

TEST(SessionCall, MetadataThatNoHeaderCanTellIsNotSent) {
  run(long_metadata);
}

task<> cancelled(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  Calling calling;
  Scope scope(bench.runtime);
  scope.spawn("call", call(bench.session, calling));
  co_await bench.other.next(Kind::request);
  co_await scope.close();
  EXPECT_TRUE(calling.cancelled);
  EXPECT_EQ((co_await bench.other.next(Kind::cancel)).header.stream, 1u);
  bench.other.reply(1);  // finds nobody, and harms nobody
  co_await bench.pause(1ms);
  EXPECT_FALSE(bench.outcome);
  co_await bench.end();
}

TEST(SessionCall, WhoeverIsCancelledCancels) {
  run(cancelled);
}

task<> greetings(sim::World& world) {
  Bench silent(world);
  const auto began = silent.runtime.now();
  EXPECT_EQ(silent.session.other_hello(), nullptr);
  EXPECT_FALSE(co_await silent.session.greeted(began + 1s));
  EXPECT_EQ(silent.runtime.now(), began + 1s);
  wire::Hello hello;
  hello.set_agent("somebody");
  co_await silent.greeted(hello);
  EXPECT_TRUE(silent.session.other_hello() != nullptr &&
              silent.session.other_hello()->agent() == "somebody");
  co_await silent.end();
  EXPECT_FALSE(co_await silent.session.greeted(world.runtime().now() + 1s)) << "it has ended";

  Bench broken(world);
  co_await broken.other.close();
  const auto closed = broken.runtime.now();
  EXPECT_FALSE(co_await broken.session.greeted(closed + 10s));
  EXPECT_LT(broken.runtime.now(), closed + 1s) << "nobody has to wait for it";
  co_await broken.end();
}

TEST(SessionCall, SaysWhetherTheOtherSideHasSaidHello) {
  run(greetings);
}

}  // namespace
}  // namespace babilu::rpc
