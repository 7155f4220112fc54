// The serving half of a session: from a request to exactly one reply.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/rpc/session.h"
#include "tests/support/status.h"
#include "tests/unit/rpc_support.h"

namespace babilu::rpc {
namespace {

using namespace std::chrono_literals;
using testing::Arrived;
using testing::ProvedStream;
using testing::RawEnd;
using wire::Kind;

constexpr MethodTraits echo{0x0101, "test.Echo"};
constexpr MethodTraits wait_traits{0x0102, "test.Wait"};
constexpr MethodTraits mutate{0x0103, "test.Mutate", MethodKind::mutating};
constexpr MethodTraits fail{0x0104, "test.Fail"};
constexpr MethodTraits refuse{0x0105, "test.Refuse"};
constexpr MethodTraits listen{0x0106, "test.Listen"};

/// What a handler was told.
struct Seen {
  std::uint16_t method;
  std::string message;
  std::string token;
  std::string key;
  std::string client;
  std::string request_id;
  Deadline deadline;
  std::string role;
};

/// Handlers that note what they are told.
class Services final : public SessionObserver {
 public:
  explicit Services(Runtime& runtime) : go_on_(runtime) {
    table.offer(1, "test", 7);
    table.add(echo, [this](Call& call) { return give_back(call); });
    table.add(mutate, [this](Call& call) { return give_back(call); });
    table.add(wait_traits, [this](Call& call) { return wait(call); });
    table.add(fail, [this](Call& call) { return throw_something(call); });
    table.add(refuse, [this](Call& call) { return say_no(call); });
    table.add(listen, [this](Call& call) { return hear_of_given_up(call); });
  }
  void on_reply(const MethodTraits& method, Code code, Clock::duration latency) override {
    replies.push_back({method.name, code, latency});
  }
  /// Lets everyone who waits go on.
  void go_on() {
    waiting_ = false;
    go_on_.notify_all();
  }

  struct Counted {
    std::string method;
    Code code;
    Clock::duration latency;
  };
  ServiceTable table;
  std::vector<Seen> calls;
  std::vector<Counted> replies;
  int waited = 0;
  int told = 0;  ///< handlers of `listen` that were told that they were given up
  int knew = 0;  ///< and found it in their call
  int never_given_up = 0;

 private:
  void note(const Call& call) {
    calls.push_back({call.method, std::string(text_of(call.message)), std::string(call.token),
                     std::string(call.idempotency_key), std::string(call.client_address),
                     std::string(call.request_id), call.deadline, call.peer.role});
  }
  task<Reply> give_back(Call& call) {
    note(call);
    co_return Reply::of(Bytes(call.message.begin(), call.message.end()));
  }
  task<Reply> wait(Call& call) {
    note(call);
    while (waiting_) co_await go_on_.wait();
    ++waited;
    co_return Reply::of({});
  }
  task<Reply> hear_of_given_up(Call& call) {
    call.when_given_up = [this, &call] {
      ++told;
      knew += call.given_up;
    };
    while (waiting_) co_await go_on_.wait();
    never_given_up += !call.given_up;
    co_return Reply::of({});
  }
  task<Reply> throw_something(Call& call) {
    note(call);
    if (text_of(call.message) == "system") {
      throw boost::system::system_error(boost::asio::error::connection_refused);
    }
    throw std::runtime_error("a bug");
  }
  task<Reply> say_no(Call& call) {
    note(call);
    Status status = test::status(Code::not_found, "nobody", "there is nobody");
    status.retry_after = 1500ms;
    co_return Reply::refuse(status);
  }

  Condition go_on_;
  bool waiting_ = true;
};

task<> serve(Session& session, std::optional<Status>& outcome) {
  outcome = co_await session.run();
}

/// A session that serves, and the other end.
struct Bench {
  explicit Bench(sim::World& world, SessionOptions options = {}, const std::string& role = "")
      : Bench(world, options, role, net::make_memory_pair(world.runtime())) {}
  Bench(sim::World& world, SessionOptions options, const std::string& role, net::MemoryPair pair)
      : runtime(world.runtime()),
        services(runtime),
        other(runtime, std::move(pair.b)),
        session(runtime, std::make_unique<ProvedStream>(std::move(pair.a), role), Side::listener,
                services.table, options, &services),
        scope(runtime) {
    other.answers_pings = true;
    scope.spawn("serve", serve(session, outcome));
  }
  task<> greeted() {
    other.hello();
    co_await other.next(Kind::hello);
  }
  void ask(std::uint32_t stream, const MethodTraits& method, std::string_view message = {},
           std::uint32_t milliseconds = 0, const wire::Metadata& metadata = {}) {
    other.request(stream, message, metadata,
                  {.flags = wire::flags::end, .method = method.id, .value = milliseconds});
  }
  task<> pause(Clock::duration time) { co_await runtime.sleep_for(time); }
  std::size_t replies() const { return other.of(Kind::reply).size(); }
  task<> end() {
    services.go_on();
    co_await other.close();
    co_await scope.join();
  }

  Runtime& runtime;
  Services services;
  RawEnd other;
  Session session;
  Scope scope;
  std::optional<Status> outcome;
};

void run(task<> (*test)(sim::World&)) {
  sim::World world(1);
  world.run(test(world));
}

task<> answers(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  wire::Hello hello;
  EXPECT_TRUE(hello.ParseFromString((co_await bench.other.next(Kind::hello)).message));
  EXPECT_EQ(hello.services_size(), 1);
  EXPECT_EQ(hello.services(0).id(), 1u);
  EXPECT_EQ(hello.services(0).name(), "test");
  EXPECT_EQ(hello.services(0).revision(), 7u);

  wire::Metadata metadata;
  metadata.set_token("a token");
  bench.ask(1, echo, "hello", 2500, metadata);
  const auto asked = bench.runtime.now();
  const Arrived reply = co_await bench.other.next(Kind::reply);
  EXPECT_EQ(reply.header.stream, 1u);
  EXPECT_EQ(reply.header.value, 0u);
  EXPECT_EQ(reply.message, "hello");
  EXPECT_TRUE(reply.header.has(wire::flags::end));
  EXPECT_FALSE(reply.header.has(wire::flags::unstarted));
  EXPECT_EQ(bench.services.calls.size(), 1u);
  const Seen& seen = bench.services.calls.at(0);
  EXPECT_EQ(seen.method, echo.id);
  EXPECT_EQ(seen.message, "hello");
  EXPECT_EQ(seen.token, "a token");
  EXPECT_EQ(seen.key, "");
  EXPECT_EQ(seen.client, "b:2") << "who is at the other end, where no proxy says more";
  EXPECT_EQ(seen.deadline, asked + 2500ms);
  EXPECT_EQ(bench.services.replies.size(), 1u);
  EXPECT_EQ(bench.services.replies.at(0).method, "test.Echo");
  EXPECT_EQ(bench.services.replies.at(0).code, Code::ok);
  co_await bench.end();
}

TEST(SessionServe, AnswersAndTellsTheHandlerWhatTheRequestSaid) {
  run(answers);
}

task<> deadlines(sim::World& world) {
  Bench bench(world, {.default_deadline = 30s});
  co_await bench.greeted();
  const auto began = bench.runtime.now();
  bench.ask(1, wait_traits, {}, 1500);
  bench.ask(3, wait_traits);  // says nothing
  bench.ask(5, wait_traits, {}, 60'000);
  co_await bench.runtime.sleep_until(began + 1400ms);
  EXPECT_EQ(bench.replies(), 0u);
  co_await bench.runtime.sleep_until(began + 1600ms);
  EXPECT_EQ(bench.replies(), 1u);
  const Arrived first = co_await bench.other.next(Kind::reply);
  EXPECT_EQ(first.header.stream, 1u);
  EXPECT_EQ(first.status().code, Code::deadline_exceeded);
  EXPECT_EQ(first.status().reason, "deadline");
  EXPECT_FALSE(first.header.has(wire::flags::unstarted)) << "it may have had an effect";
  co_await bench.runtime.sleep_until(began + 29s);
  EXPECT_EQ(bench.replies(), 1u);
  co_await bench.runtime.sleep_until(began + 31s);
  EXPECT_EQ(bench.replies(), 2u);
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 2)).header.stream, 3u);

  bench.services.go_on();
  co_await bench.pause(1s);
  EXPECT_EQ(bench.services.waited, 3);
  EXPECT_EQ(bench.replies(), 3u) << "what was answered is not answered again";
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 3)).header.stream, 5u);
  co_await bench.pause(60s);
  EXPECT_EQ(bench.replies(), 3u) << "nor when a time is up that does not matter any more";
  EXPECT_EQ(bench.services.replies.size(), 3u);
  EXPECT_EQ(bench.services.replies.at(0).code, Code::deadline_exceeded);
  EXPECT_EQ(bench.services.replies.at(0).latency, 1500ms);
  EXPECT_FALSE(bench.outcome);
  co_await bench.end();
}

task<> given_up(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  for (const std::uint32_t stream : {1u, 3u}) bench.ask(stream, listen);
  bench.ask(5, listen, {}, 500);
  co_await bench.pause(1ms);
  EXPECT_EQ(bench.services.told, 0);
  bench.other.send({.kind = Kind::cancel, .stream = 1});
  co_await bench.pause(1ms);
  EXPECT_EQ(bench.services.told, 1) << "cancelled";
  co_await bench.pause(1s);
  EXPECT_EQ(bench.services.told, 2) << "out of time";
  EXPECT_EQ(bench.services.knew, 2);
  bench.services.go_on();
  co_await bench.pause(1ms);
  EXPECT_EQ(bench.services.never_given_up, 1);
  bench.other.send({.kind = Kind::cancel, .stream = 3});
  co_await bench.pause(1s);
  EXPECT_EQ(bench.services.told, 2) << "its handler has ended";
  EXPECT_FALSE(bench.outcome);
  co_await bench.end();
}

TEST(SessionServe, AHandlerIsToldWhenNobodyWaitsForItsReply) {
  run(given_up);
}

TEST(SessionServe, TheTimeOfARequestIsUpWhenItSaid) {
  run(deadlines);
}

task<> cancels(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.ask(1, wait_traits);
  bench.ask(3, wait_traits);
  co_await bench.pause(1ms);
  bench.other.send({.kind = Kind::cancel, .stream = 1});
  bench.other.send({.kind = Kind::cancel, .stream = 99});  // nobody's
  co_await bench.pause(1ms);
  EXPECT_EQ(bench.replies(), 1u) << "even who cancels gets an answer";
  const Arrived reply = co_await bench.other.next(Kind::reply);
  EXPECT_EQ(reply.header.stream, 1u);
  EXPECT_EQ(reply.status().code, Code::cancelled);
  bench.other.send({.kind = Kind::cancel, .stream = 1});  // again, in vain
  bench.services.go_on();
  co_await bench.pause(60s);
  EXPECT_EQ(bench.replies(), 2u);
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 2)).header.stream, 3u);
  EXPECT_EQ(bench.services.replies.size(), 2u);
  // The number is free again.
  bench.ask(1, echo, "again");
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 3)).message, "again");
  co_await bench.end();
}

TEST(SessionServe, ACancelledRequestIsAnsweredAtOnceAndOnce) {
  run(cancels);
}

task<> unknown(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.ask(1, {0x0777, ""});
  const Arrived reply = co_await bench.other.next(Kind::reply);
  EXPECT_EQ(reply.status().code, Code::unimplemented);
  EXPECT_EQ(reply.status().reason, "unknown_method");
  EXPECT_NE(reply.status().message.find("7.119"), std::string::npos) << reply.status().message;
  EXPECT_FALSE(reply.header.has(wire::flags::unstarted)) << "it will not be known next time";
  bench.ask(3, echo);
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 2)).header.value, 0u);
  co_await bench.end();
}

TEST(SessionServe, AMethodThatIsNotOfferedIsSaid) {
  run(unknown);
}

task<> malformed(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.other.request(1, "x", {}, {.method = echo.id});  // without the end flag
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 1)).status().reason, "not_a_stream");
  bench.other.send({.kind = Kind::request, .flags = 1, .method = echo.id, .stream = 3, .meta = 2},
                   "\xff\xffx");
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 2)).status().reason, "bad_metadata");
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 2)).status().code, Code::invalid_argument);
  EXPECT_TRUE(bench.services.calls.empty());
  EXPECT_EQ(bench.services.replies.size(), 2u) << "they are counted";
  bench.ask(5, echo, "fine");
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 3)).message, "fine");
  co_await bench.end();
}

TEST(SessionServe, AMalformedRequestFailsAlone) {
  run(malformed);
}

wire::Metadata with_key(std::size_t bytes) {
  wire::Metadata metadata;
  metadata.set_idempotency_key(std::string(bytes, 'k'));
  return metadata;
}

task<> keys(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  std::uint32_t stream = 1;
  for (const std::size_t bytes : {0u, 31u, 33u}) {
    bench.ask(stream, mutate, {}, 0, with_key(bytes));
    const Arrived reply = co_await bench.other.next(Kind::reply, bench.replies() + 1);
    EXPECT_EQ(reply.status().code, Code::invalid_argument) << bytes;
    EXPECT_EQ(reply.status().reason, "idempotency_key") << bytes;
    stream += 2;
  }
  EXPECT_TRUE(bench.services.calls.empty());
  bench.ask(stream, mutate, {}, 0, with_key(32));
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 4)).header.value, 0u);
  EXPECT_EQ(bench.services.calls.at(0).key, std::string(32, 'k'));
  bench.ask(stream + 2, echo);  // has no effect, and needs none
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 5)).header.value, 0u);
  co_await bench.end();
}

TEST(SessionServe, AMutatingMethodNeedsAKeyOf32Bytes) {
  run(keys);
}

task<std::string> hop_is_believed(sim::World& world, SessionOptions options, std::string role) {
  Bench bench(world, options, role);
  co_await bench.greeted();
  wire::Hop hop;
  hop.set_client_address("192.0.2.1:5");
  hop.set_attempt(1);
  bench.other.send({.kind = Kind::request, .flags = 1, .method = echo.id, .stream = 1}, {},
                   hop.SerializeAsString());
  const Arrived reply = co_await bench.other.next(Kind::reply);
  std::string told = reply.header.value == 0 ? "" : reply.status().reason;
  if (told.empty() && !bench.services.calls.empty()) {
    told = bench.services.calls.at(0).client;
    EXPECT_EQ(bench.services.calls.at(0).role, role);
  }
  co_await bench.end();
  co_return told;
}

task<> hops(sim::World& world) {
  const SessionOptions plain;
  const SessionOptions trusting{.trust_hop_without_certificate = true};
  EXPECT_EQ(co_await hop_is_believed(world, plain, "proxy"), "192.0.2.1:5");
  EXPECT_EQ(co_await hop_is_believed(world, plain, ""), "hop_not_allowed");
  EXPECT_EQ(co_await hop_is_believed(world, plain, "backend"), "hop_not_allowed");
  EXPECT_EQ(co_await hop_is_believed(world, trusting, ""), "192.0.2.1:5");
  EXPECT_EQ(co_await hop_is_believed(world, trusting, "backend"), "hop_not_allowed");
}

TEST(SessionServe, HopDataIsBelievedFromAProxyOnly) {
  run(hops);
}

task<> bad_hop(sim::World& world) {
  Bench bench(world, {}, "proxy");
  co_await bench.greeted();
  bench.other.send({.kind = Kind::request, .flags = 1, .method = echo.id, .stream = 1}, {},
                   "\xff\xff");
  EXPECT_EQ((co_await bench.other.next(Kind::reply)).status().reason, "bad_metadata");
  co_await bench.end();
}

TEST(SessionServe, HopDataMustParse) {
  run(bad_hop);
}

task<> bugs(sim::World& world) {
  std::vector<std::string> failures;
  world.runtime().on_failure(
      [&](std::string_view where, std::exception_ptr) { failures.emplace_back(where); });
  Bench bench(world);
  co_await bench.greeted();
  bench.ask(1, fail);
  bench.ask(3, fail, "system");
  bench.ask(5, echo, "fine");
  co_await bench.other.next(Kind::reply, 3);
  EXPECT_EQ(failures.size(), 2u);
  int failed = 0;
  for (const Arrived& reply : bench.other.of(Kind::reply)) {
    if (reply.header.stream == 5) {
      EXPECT_EQ(reply.message, "fine");
      continue;
    }
    ++failed;
    EXPECT_EQ(reply.status().code, Code::internal);
    EXPECT_EQ(reply.status().reason, "bug");
    EXPECT_EQ(std::ranges::count(failures, "test.Fail, request " + reply.status().request_id), 1)
        << "the log says which request it was";
    EXPECT_EQ(reply.status().message.find("a bug"), std::string::npos) << "not for strangers";
    EXPECT_FALSE(reply.header.has(wire::flags::unstarted));
  }
  EXPECT_EQ(failed, 2);
  EXPECT_FALSE(bench.outcome);
  co_await bench.end();
}

TEST(SessionServe, ABugInAHandlerFailsItsRequestAndIsReported) {
  run(bugs);
}

task<> refusals(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.ask(1, refuse);
  bench.ask(3, refuse);
  co_await bench.other.next(Kind::reply, 2);
  const auto replies = bench.other.of(Kind::reply);
  EXPECT_EQ(replies.at(0).status().code, Code::not_found);
  EXPECT_EQ(replies.at(0).status().reason, "nobody");
  EXPECT_EQ(replies.at(0).status().message, "there is nobody");
  EXPECT_EQ(replies.at(0).status().retry_after, 1500ms);
  EXPECT_FALSE(replies.at(0).header.has(wire::flags::unstarted)) << "it was looked at";
  // Told to whoever asks, so that they can tell whoever runs it.
  EXPECT_EQ(replies.at(0).status().request_id, bench.services.calls.at(0).request_id);
  EXPECT_EQ(replies.at(0).status().request_id.size(), 16u);
  EXPECT_NE(replies.at(0).status().request_id, replies.at(1).status().request_id);
  EXPECT_EQ(bench.services.replies.at(0).code, Code::not_found);
  co_await bench.end();
}

TEST(SessionServe, ARefusalArrivesAsItWasMeantWithTheRequestsId) {
  run(refusals);
}

task<> too_large(sim::World& world) {
  Bench bench(world);
  wire::Hello hello;
  hello.set_frame_limit(1024);
  bench.other.hello(hello);
  bench.ask(1, echo, std::string(1025, 'x'));
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 1)).status().reason, "reply_too_large");
  bench.ask(3, echo, std::string(1024, 'x'));
  EXPECT_EQ((co_await bench.other.next(Kind::reply, 2)).message.size(), 1024u);
  co_await bench.end();
}

TEST(SessionServe, AReplyThatTheOtherDoesNotTakeFailsAlone) {
  run(too_large);
}

task<> drains(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.ask(1, wait_traits);
  co_await bench.pause(1ms);
  bench.session.drain(bench.runtime.now() + 60s);
  const Arrived goaway = co_await bench.other.next(Kind::goaway);
  EXPECT_EQ(goaway.header.value, 1u);
  EXPECT_EQ(goaway.detail().code(), 0u);
  bench.ask(3, echo);
  const Arrived refused = co_await bench.other.next(Kind::reply);
  EXPECT_EQ(refused.header.stream, 3u);
  EXPECT_EQ(refused.status().reason, "draining");
  EXPECT_TRUE(refused.header.has(wire::flags::unstarted)) << "it may be sent elsewhere";
  EXPECT_TRUE(bench.services.calls.size() == 1);
  co_await bench.pause(10s);
  EXPECT_FALSE(bench.outcome) << "a request is in flight";
  EXPECT_FALSE(bench.other.ended);
  bench.services.go_on();
  const Arrived reply = co_await bench.other.next(Kind::reply, 2);
  EXPECT_EQ(reply.header.stream, 1u);
  EXPECT_EQ(reply.header.value, 0u);
  co_await bench.pause(2s);
  EXPECT_TRUE(bench.other.ended);
  EXPECT_TRUE(bench.outcome && bench.outcome->ok());
  co_await bench.end();
}

TEST(SessionServe, DrainingAnswersWhatIsInFlightAndRefusesTheRest) {
  run(drains);
}

task<> expect_refusal(Bench& bench, std::size_t number, std::string_view reason) {
  const Arrived reply = co_await bench.other.next(Kind::reply, number);
  EXPECT_EQ(reply.status().reason, reason);
  EXPECT_EQ(reply.status().request_id.size(), 16u) << reason;
}

task<> ids_of_refusals(sim::World& world) {
  SessionOptions options;
  options.connection.limits.streams = 2;
  Bench bench(world, options);
  co_await bench.greeted();
  bench.ask(1, {0x01ee, "test.Nothing", MethodKind::idempotent});
  co_await expect_refusal(bench, 1, "unknown_method");
  bench.other.request(3, "", {}, {.method = echo.id});
  co_await expect_refusal(bench, 2, "not_a_stream");
  bench.ask(5, wait_traits, {}, 50);
  co_await expect_refusal(bench, 3, "deadline");
  bench.ask(7, wait_traits);
  bench.ask(9, wait_traits);
  bench.ask(11, wait_traits);
  co_await expect_refusal(bench, 4, "too_many_streams");
  bench.other.send({.kind = Kind::cancel, .stream = 7});
  co_await expect_refusal(bench, 5, "cancelled");
  bench.session.drain(bench.runtime.now() + 60s);
  bench.ask(13, echo);
  co_await expect_refusal(bench, 6, "draining");
  co_await bench.end();
}

TEST(SessionServe, EveryRefusalHasAnId) {
  run(ids_of_refusals);
}

task<> drains_in_time(sim::World& world) {
  Bench bench(world);
  co_await bench.greeted();
  bench.ask(1, wait_traits);
  co_await bench.pause(1ms);
  bench.session.drain(bench.runtime.now() + 5s);
  co_await bench.pause(4900ms);
  EXPECT_FALSE(bench.other.ended);
  co_await bench.pause(2s);
  EXPECT_TRUE(bench.other.ended) << "not for ever";
  co_await bench.end();
}

TEST(SessionServe, DrainingHasItsTime) {
  run(drains_in_time);
}

task<> ends(sim::World& world) {
  std::vector<std::string> failures;
  world.runtime().on_failure(
      [&](std::string_view where, std::exception_ptr) { failures.emplace_back(where); });
  Bench bench(world);
  co_await bench.greeted();
  bench.ask(1, wait_traits);
  bench.ask(3, wait_traits, {}, 5000);
  co_await bench.pause(1ms);
  co_await bench.other.close();
  co_await bench.pause(10s);
  EXPECT_TRUE(bench.outcome) << "handlers do not hold a session that is over";
  EXPECT_EQ(bench.services.waited, 0);
  EXPECT_TRUE(failures.empty()) << "that a session ended is no bug of a handler";
  co_await bench.end();
}

TEST(SessionServe, HandlersEndWithTheirSession) {
  run(ends);
}

}  // namespace
}  // namespace babilu::rpc
