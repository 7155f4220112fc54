// A channel against servers that come, go and refuse: what it sends again, and what it says.
#include "core/rpc/channel.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"
#include "tests/unit/rpc_support.h"

namespace babilu::rpc {
namespace {

using namespace std::chrono_literals;
using testing::Arrived;
using testing::RawEnd;
using wire::Kind;

constexpr MethodTraits read_method{0x0101, "test.Read"};
constexpr MethodTraits write_method{0x0102, "test.Write", MethodKind::mutating};

/// A server that lets the test answer. Says hello unless it is told not to.
class Door {
 public:
  Door(sim::World& world, const std::string& host)
      : world_(world), address_{host, 7400}, scope_(world.runtime()), changed_(world.runtime()) {}

  void open() {
    listener_ = world_.host(address_.host).listen(address_).value();
    scope_.spawn("accept", accept());
  }
  void shut() { listener_->close(); }
  /// Waits for the `count`-th connection.
  task<RawEnd*> visitor(std::size_t count = 1) {
    const Deadline deadline = world_.runtime().now() + 1min;
    while (visitors.size() < count) {
      const bool notified = co_await changed_.wait(deadline);
      if (!notified) throw std::runtime_error("nobody came");
    }
    co_return visitors[count - 1].get();
  }
  task<> end() {
    if (listener_) listener_->close();
    for (const auto& visitor : visitors) co_await visitor->close();
    co_await scope_.join();
  }

  const net::Address& address() const { return address_; }
  std::vector<std::unique_ptr<RawEnd>> visitors;
  wire::Hello hello;
  bool greets = true;

 private:
  task<> accept() {
    for (;;) {
      auto stream = co_await listener_->accept();
      if (!stream) co_return;
      visitors.push_back(std::make_unique<RawEnd>(world_.runtime(), std::move(*stream)));
      visitors.back()->answers_pings = true;
      if (greets) visitors.back()->hello(hello);
      changed_.notify_all();
    }
  }

  sim::World& world_;
  const net::Address address_;
  net::ListenerPtr listener_;
  Scope scope_;
  Condition changed_;
};

/// Notes when somebody was dialed.
class Counting final : public net::Network {
 public:
  Counting(Runtime& runtime, net::Network& below) : runtime_(runtime), below_(below) {}
  using Network::listen;
  Result<net::ListenerPtr> listen(const net::Address& at, ListenOptions options) override {
    return below_.listen(at, options);
  }
  task<Result<net::StreamPtr>> connect(const net::Address& to, Deadline deadline) override {
    dials.push_back(runtime_.now());
    co_return co_await below_.connect(to, deadline);
  }
  std::vector<Clock::time_point> dials;

 private:
  Runtime& runtime_;
  net::Network& below_;
};

struct Calling {
  MethodTraits method = read_method;
  std::string message = "hello";
  CallOptions options;
  std::optional<Reply> reply;

  std::string reason() const { return reply ? reply->status.reason : "none"; }
};

task<> call(Channel& channel, Calling& calling) {
  calling.reply = co_await channel.call(calling.method, bytes_of(calling.message), calling.options);
}

/// A channel to one door, or two.
struct Bench {
  explicit Bench(sim::World& world, ChannelOptions given = {})
      : runtime(world.runtime()),
        one(world, "one"),
        two(world, "two"),
        network(runtime, world.host("client")),
        options(with_targets(std::move(given))),
        channel(runtime, network, security, options),
        scope(runtime) {}
  ChannelOptions with_targets(ChannelOptions given) const {
    given.targets = {one.address(), two.address()};
    return given;
  }
  void start(Calling& calling, Clock::duration time = 10s) {
    calling.options.deadline = runtime.now() + time;
    scope.spawn("call", call(channel, calling));
  }
  task<Status> ready(Clock::duration time) {
    co_return co_await channel.ready(runtime.now() + time);
  }
  task<> pause(Clock::duration time) { co_await runtime.sleep_for(time); }
  task<> end() {
    co_await channel.close();
    co_await scope.join();
    co_await one.end();
    co_await two.end();
  }

  Runtime& runtime;
  net::Plaintext security;
  Door one;
  Door two;
  Counting network;
  const ChannelOptions options;
  Channel channel;
  Scope scope;
};

void run(task<> (*test)(sim::World&)) {
  sim::World world(1);
  world.run(test(world));
}

task<> nobody(sim::World& world) {
  Bench bench(world);
  EXPECT_EQ((co_await bench.ready(0s)).reason, "not_connected");
  bench.channel.start();
  const auto began = bench.runtime.now();
  const Status status = co_await bench.ready(3s);
  EXPECT_EQ(bench.runtime.now() - began, 3s);
  EXPECT_EQ(status.code, Code::unavailable);
  EXPECT_EQ(status.reason, "cannot_connect");
  EXPECT_NE(status.message.find(":7400"), std::string::npos) << status.message;
  EXPECT_EQ(bench.channel.other_hello(), nullptr);
  Calling calling;
  bench.start(calling, 1s);
  co_await bench.pause(1100ms);
  EXPECT_EQ(calling.reason(), "cannot_connect") << "why the time was not enough";
  EXPECT_EQ(bench.channel.reconnects(), 0u) << "it has never been up";
  co_await bench.end();
}

TEST(Channel, SaysWhyNobodyCanBeReached) {
  run(nobody);
}

task<> second_target(sim::World& world) {
  Bench bench(world);
  bench.two.hello.set_agent("two");
  bench.two.open();
  bench.channel.start();
  const Status status = co_await bench.ready(1s);
  EXPECT_TRUE(status.ok()) << status.to_string();
  EXPECT_TRUE(bench.channel.other_hello() != nullptr &&
              bench.channel.other_hello()->agent() == "two");
  co_await bench.end();
}

TEST(Channel, TriesItsTargetsInTurn) {
  run(second_target);
}

task<> comes_back(sim::World& world) {
  Bench bench(world);
  bench.one.open();
  bench.two.open();
  bench.channel.start();
  RawEnd* first = co_await bench.one.visitor();
  co_await bench.ready(1s);
  EXPECT_TRUE(bench.two.visitors.empty());
  co_await first->close();
  co_await bench.one.visitor(2);
  const Status again = co_await bench.ready(1s);
  EXPECT_TRUE(again.ok()) << again.to_string();
  EXPECT_TRUE(bench.two.visitors.empty()) << "the same first: it is the likeliest to answer";
  EXPECT_EQ(bench.channel.reconnects(), 1u);
  // Nobody there any more: the other is as good.
  bench.one.shut();
  co_await bench.one.visitors[1]->close();
  co_await bench.two.visitor();
  EXPECT_TRUE((co_await bench.ready(1s)).ok());
  EXPECT_EQ(bench.channel.reconnects(), 2u);
  co_await bench.end();
}

TEST(Channel, ComesBackToWhereItWasAndElseGoesOn) {
  run(comes_back);
}

task<> backs_off(sim::World& world) {
  Bench bench(world, {.backoff_min = 50ms, .backoff_max = 2s});
  bench.one.greets = bench.two.greets = false;
  bench.channel.start();
  co_await bench.pause(10s);  // in vain, so the pauses have grown
  bench.one.open();
  const auto before = bench.runtime.now();
  co_await bench.one.visitor();
  EXPECT_LE(bench.runtime.now() - before, 5s) << "but not without limit";
  co_await bench.end();

  // Who accepts and says nothing is not dialed without a pause, and not for ever either.
  Bench silent(world, {.connect_timeout = 1s, .backoff_min = 50ms, .backoff_max = 2s});
  silent.one.greets = silent.two.greets = false;
  silent.one.open();
  silent.two.open();
  silent.channel.start();
  const Status status = co_await silent.ready(30s);
  EXPECT_EQ(status.reason, "cannot_connect");
  EXPECT_NE(status.message.find("no_hello"), std::string::npos) << status.message;
  const std::size_t dials = silent.one.visitors.size() + silent.two.visitors.size();
  EXPECT_GE(dials, 8u);
  EXPECT_LE(dials, 31u);
  EXPECT_FALSE(silent.two.visitors.empty()) << "each in its turn";
  co_await silent.end();
}

TEST(Channel, PausesBetweenAttempts) {
  run(backs_off);
}

task<> short_pauses_again(sim::World& world) {
  Bench bench(world, {.backoff_min = 50ms, .backoff_max = 2s});
  bench.channel.start();
  co_await bench.pause(20s);
  const std::size_t in_vain = bench.network.dials.size();
  EXPECT_GE(in_vain, 10u);
  EXPECT_LE(in_vain, 40u) << "the pauses have grown";
  bench.one.open();
  RawEnd* server = co_await bench.one.visitor();
  co_await bench.ready(1s);
  bench.one.shut();
  const std::size_t before = bench.network.dials.size();
  co_await server->close();
  co_await bench.pause(400ms);
  EXPECT_GE(bench.network.dials.size() - before, 4u) << "a new outage begins with short ones";
  co_await bench.end();
}

TEST(Channel, ANewOutageBeginsWithShortPauses) {
  run(short_pauses_again);
}

task<> answers(sim::World& world) {
  Bench bench(world);
  bench.one.open();
  bench.channel.start();
  Calling reading;
  Calling writing{.method = write_method};
  Calling other{.method = write_method};
  const std::string own_key(32, 'o');
  Calling keyed{.method = write_method, .options = {.idempotency_key = own_key}};
  bench.start(reading);
  RawEnd* server = co_await bench.one.visitor();
  co_await server->next(Kind::request);
  bench.start(writing);
  co_await server->next(Kind::request, 2);
  bench.start(other);
  co_await server->next(Kind::request, 3);
  bench.start(keyed);
  co_await server->next(Kind::request, 4);
  const auto sent = server->of(Kind::request);
  for (const Arrived& request : sent) {
    EXPECT_TRUE(request.header.has(wire::flags::retryable)) << "what has no effect, or a key";
    EXPECT_NE(request.header.value, 0u) << "its deadline";
    server->reply(request.header.stream, request.message);
  }
  EXPECT_EQ(sent.at(0).metadata().idempotency_key(), "");
  EXPECT_EQ(sent.at(1).metadata().idempotency_key().size(), 32u);
  EXPECT_NE(sent.at(1).metadata().idempotency_key(), sent.at(2).metadata().idempotency_key());
  EXPECT_EQ(sent.at(3).metadata().idempotency_key(), own_key);
  co_await bench.pause(1ms);
  for (const Calling* calling : {&reading, &writing, &other, &keyed}) {
    EXPECT_TRUE(calling->reply && calling->reply->status.ok()) << calling->reason();
    EXPECT_TRUE(calling->reply && text_of(calling->reply->message) == "hello");
  }
  EXPECT_EQ(bench.channel.resends(), 0u);
  co_await bench.end();
}

TEST(Channel, GivesEachMutatingCallAKeyOfItsOwn) {
  run(answers);
}

task<> sends_again(sim::World& world) {
  Bench bench(world);
  bench.one.open();
  bench.channel.start();
  Calling writing{.method = write_method};
  bench.start(writing);
  RawEnd* first = co_await bench.one.visitor();
  const Arrived before = co_await first->next(Kind::request);
  co_await first->close();
  RawEnd* second = co_await bench.one.visitor(2);
  const Arrived again = co_await second->next(Kind::request);
  EXPECT_EQ(again.meta, before.meta) << "with its key: the effect happens once";
  EXPECT_EQ(again.message, before.message);
  EXPECT_EQ(again.header.method, before.header.method);
  EXPECT_FALSE(writing.reply);
  second->reply(again.header.stream, "done");
  co_await bench.pause(1ms);
  EXPECT_TRUE(writing.reply && writing.reply->status.ok()) << writing.reason();
  EXPECT_EQ(bench.channel.resends(), 1u);
  co_await bench.end();
}

TEST(Channel, SendsAgainWhatALostConnectionLeftUnanswered) {
  run(sends_again);
}

task<> twice_at_most(sim::World& world) {
  Bench bench(world);
  bench.one.open();
  bench.channel.start();
  Calling deadly;
  bench.start(deadly, 60s);
  for (std::size_t i = 1; i <= 2; ++i) {
    RawEnd* server = co_await bench.one.visitor(i);
    co_await server->next(Kind::request);
    co_await server->close();
  }
  RawEnd* third = co_await bench.one.visitor(3);
  co_await bench.pause(10s);
  EXPECT_TRUE(third->of(Kind::request).empty()) << "it must not kill them all";
  EXPECT_EQ(deadly.reason(), "connection_lost");
  EXPECT_EQ(bench.channel.resends(), 1u);
  co_await bench.end();
}

TEST(Channel, SendsARequestTwiceAtMost) {
  run(twice_at_most);
}

task<> unstarted(sim::World& world) {
  Bench bench(world, {.backoff_min = 50ms});
  bench.one.open();
  bench.channel.start();
  Calling calling;
  bench.start(calling, 60s);
  RawEnd* server = co_await bench.one.visitor();
  Status no = test::status(Code::unavailable, "no_backend", "none is there");
  // As often as it takes: it was never looked at.
  for (std::size_t i = 1; i <= 5; ++i) {
    const Arrived request = co_await server->next(Kind::request, i);
    server->refuse(request.header.stream, no, true);
  }
  const auto sent = server->of(Kind::request);
  for (std::size_t i = 1; i < sent.size(); ++i) {
    EXPECT_GE(sent[i].when - sent[i - 1].when, 50ms) << "not in a tight loop";
  }
  no.retry_after = 3s;
  const Arrived sixth = co_await server->next(Kind::request, 6);
  server->refuse(sixth.header.stream, no, true);
  const Arrived seventh = co_await server->next(Kind::request, 7);
  EXPECT_GE(seventh.when - sixth.when, 3s) << "as it was told";
  server->reply(seventh.header.stream, "at last");
  co_await bench.pause(1ms);
  EXPECT_TRUE(calling.reply && calling.reply->status.ok()) << calling.reason();
  EXPECT_EQ(bench.channel.resends(), 0u);
  co_await bench.end();
}

TEST(Channel, AsksAgainWhenARequestWasNotStarted) {
  run(unstarted);
}

task<> explains(sim::World& world) {
  Bench bench(world);
  bench.one.open();
  bench.channel.start();
  co_await bench.ready(1s);
  RawEnd* server = co_await bench.one.visitor();
  // There is no time for what the other side asks for.
  Calling hopeless;
  bench.start(hopeless, 1s);
  Status later = test::status(Code::unavailable, "no_backend", "none is there");
  later.retry_after = 5s;
  const Arrived request = co_await server->next(Kind::request);
  server->refuse(request.header.stream, later, true);
  co_await bench.pause(10ms);
  EXPECT_EQ(hopeless.reason(), "no_backend") << "at once";

  // The time runs out in the next attempt: the reason of the first says more than that.
  Calling late;
  bench.start(late, 1s);
  later.retry_after = 0s;
  const Arrived first = co_await server->next(Kind::request, 2);
  server->refuse(first.header.stream, later, true);
  co_await server->next(Kind::request, 3);
  co_await bench.pause(2s);
  EXPECT_EQ(late.reason(), "no_backend");
  co_await bench.end();
}

TEST(Channel, SaysWhyTheTimeWasNotEnough) {
  run(explains);
}

task<> final_answers(sim::World& world) {
  Bench bench(world);
  bench.one.open();
  bench.channel.start();
  co_await bench.ready(1s);
  RawEnd* server = co_await bench.one.visitor();
  struct Case {
    Status status;
    bool unstarted;
  };
  const std::vector<Case> cases = {{test::status(Code::unavailable, "store"), false},
                                   {test::status(Code::resource_exhausted, "too_many"), true},
                                   {test::status(Code::unimplemented, "unknown_method"), true},
                                   {test::status(Code::internal, "bug"), false}};
  std::size_t sent = 0;
  for (const Case& one : cases) {
    Calling calling;
    bench.start(calling);
    const Arrived request = co_await server->next(Kind::request, ++sent);
    server->refuse(request.header.stream, one.status, one.unstarted);
    co_await bench.pause(5s);
    EXPECT_EQ(calling.reason(), one.status.reason);
    EXPECT_EQ(server->of(Kind::request).size(), sent) << one.status.reason << ": not sent again";
  }
  co_await bench.end();
}

TEST(Channel, GivesOtherRefusalsToItsCaller) {
  run(final_answers);
}

task<> other_side_leaves(sim::World& world) {
  Bench bench(world);
  bench.one.open();
  bench.channel.start();
  Calling under_way;
  bench.start(under_way, 60s);
  RawEnd* first = co_await bench.one.visitor();
  co_await first->next(Kind::request);
  first->goaway({}, 1);
  co_await bench.pause(1s);
  EXPECT_FALSE(under_way.reply);
  first->reply(1, "done");
  co_await bench.pause(1ms);
  EXPECT_TRUE(under_way.reply && under_way.reply->status.ok()) << under_way.reason();
  EXPECT_EQ(bench.channel.resends(), 0u);
  co_await first->close();
  RawEnd* second = co_await bench.one.visitor(2);
  Calling next;
  bench.start(next);
  const Arrived request = co_await second->next(Kind::request);
  second->reply(request.header.stream, "here");
  co_await bench.pause(1ms);
  EXPECT_TRUE(next.reply && next.reply->status.ok()) << next.reason();
  co_await bench.end();
}

TEST(Channel, WhatIsUnderWayIsAnsweredThoughTheOtherSideLeaves) {
  run(other_side_leaves);
}

task<> closes(sim::World& world) {
  Bench bench(world);
  bench.one.open();
  bench.channel.start();
  Calling calling;
  bench.start(calling, 60s);
  RawEnd* server = co_await bench.one.visitor();
  co_await server->next(Kind::request);
  const auto began = bench.runtime.now();
  co_await bench.channel.close();
  EXPECT_LE(bench.runtime.now() - began, 2s);
  co_await bench.pause(5s);
  EXPECT_TRUE(calling.reply) << "nobody waits on";
  EXPECT_FALSE(calling.reply && calling.reply->status.ok());
  EXPECT_TRUE(server->ended);
  const Status after = co_await bench.ready(10s);
  EXPECT_EQ(after.code, Code::cancelled);
  EXPECT_EQ(after.reason, "closed");
  EXPECT_LE(bench.runtime.now() - began, 10s) << "said at once";
  co_await bench.end();

  // Also who waits for a connection that there is not.
  Bench lonely(world);
  lonely.channel.start();
  Calling waiting;
  lonely.start(waiting, 60s);
  co_await lonely.pause(100ms);
  co_await lonely.channel.close();
  co_await lonely.pause(1s);
  EXPECT_EQ(waiting.reason(), "closed");
  co_await lonely.end();
}

TEST(Channel, CloseEndsEverythingThatWaits) {
  run(closes);
}

}  // namespace
}  // namespace babilu::rpc
