// Items and credit through a proxy, between two ends that speak frames.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"
#include "roles/api/echo.pb.h"
#include "roles/proxy/proxy.h"
#include "tests/sim/stack.h"
#include "tests/support/size.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using wire::Kind;

constexpr std::uint16_t method = api::Echo::echo.traits.id;
constexpr std::uint32_t window = rpc::default_credit;

/// One end of a connection that keeps what comes.
class RawEnd final : private rpc::Connection::Handler {
 public:
  RawEnd(Runtime& runtime, net::StreamPtr stream, rpc::Side side, Scope& scope)
      : runtime_(runtime), connection_(runtime, std::move(stream), side, options_, *this) {
    wire::Hello hello;
    auto* const service = hello.add_services();
    service->set_id(method >> 8);
    service->set_name("echo");
    connection_.greet(std::move(hello));
    scope.spawn("raw end", run());
  }

  struct Seen {
    Kind kind;
    std::uint32_t stream;
    std::size_t bytes;
    std::string reason;  ///< of a reply that is no success
    bool unstarted;
  };
  std::vector<Seen> seen;
  bool greeted = false;
  bool over = false;

  std::uint32_t ask(std::size_t bytes = 0, std::uint8_t flags = 0) {
    const std::uint32_t stream = connection_.multiplexer().request(
        {.flags = flags, .method = method}, {}, Bytes(bytes, 1), 1);
    connection_.flush();
    return stream;
  }
  void item(std::uint32_t stream, std::size_t bytes) {
    connection_.multiplexer().forward({.kind = Kind::item, .stream = stream}, Bytes(bytes, 1));
    connection_.flush();
  }
  void last_item(std::uint32_t stream, std::size_t bytes) {
    connection_.multiplexer().forward(
        {.kind = Kind::item, .flags = wire::flags::end, .stream = stream}, Bytes(bytes, 1));
    connection_.flush();
  }
  void grant_with(std::uint32_t stream, std::size_t bytes) {
    connection_.multiplexer().forward(
        {.kind = Kind::credit, .stream = stream, .value = 1, .meta = 3}, Bytes(bytes, 1));
    connection_.flush();
  }
  void grant(std::uint32_t stream, std::uint32_t bytes) {
    connection_.multiplexer().forward({.kind = Kind::credit, .stream = stream, .value = bytes}, {});
    connection_.flush();
  }
  void reply(std::uint32_t stream) {
    connection_.multiplexer().reply(stream, {});
    connection_.flush();
  }
  void close() { connection_.close({}); }

  /// Waits until so many frames of the kind have come.
  task<> until(Kind kind, std::size_t count) {
    for (int i = 0; i < 1000 && this->count(kind) < count; ++i) co_await runtime_.sleep_for(1ms);
    if (this->count(kind) == count) co_return;
    throw std::runtime_error(fmt::format("{} frames of kind {} came, where {} should",
                                         this->count(kind), wire::to_string(kind), count));
  }
  std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(seen, [&](const Seen& s) { return s.kind == kind; }));
  }
  std::size_t item_bytes(std::uint32_t stream) const {
    std::size_t bytes = 0;
    for (const Seen& s : seen) bytes += s.kind == Kind::item && s.stream == stream ? s.bytes : 0;
    return bytes;
  }
  const Seen& last() const { return seen.at(seen.size() - 1); }

 private:
  task<> run() {
    co_await connection_.run();
    over = true;
  }
  void note(const wire::Frame& frame) {
    Seen seen_now{frame.header.kind, frame.header.stream, frame.payload().size(), "",
                  frame.header.has(wire::flags::unstarted)};
    if (frame.header.kind == Kind::reply && frame.header.value != 0) {
      seen_now.reason =
          rpc::decode_detail(rpc::code_from_wire(frame.header.value), frame.message()).reason;
    }
    seen.push_back(seen_now);
  }
  void on_hello(const wire::Hello&) override { greeted = true; }
  void on_request(const wire::Frame& frame, rpc::Multiplexer::Tag&) override { note(frame); }
  void on_item(const wire::Frame& frame, rpc::Multiplexer::Tag, bool) override { note(frame); }
  void on_credit(const wire::Frame& frame, rpc::Multiplexer::Tag, bool) override { note(frame); }
  void on_reply(const wire::Frame& frame, rpc::Multiplexer::Tag) override { note(frame); }
  void on_cancel(std::uint32_t stream, rpc::Multiplexer::Tag) override {
    seen.push_back({Kind::cancel, stream, 0, "", false});
    reply(stream);
  }

  Runtime& runtime_;
  const rpc::ConnectionOptions options_;
  rpc::Connection connection_;
};

/// A client, a proxy, and a backend that both are the test's.
struct Ends {
  explicit Ends(sim::World& its_world)
      : world(its_world), scope(world.runtime()), node(world, {"a:7401"}) {
    scope.spawn("proxy", node.proxy().run());
  }

  task<> begin(bool with_backend) {
    Runtime& runtime = world.runtime();
    if (with_backend) {
      auto listener = world.host("a").listen({"a", 7401}).value();
      auto link = co_await listener->accept();
      backend =
          std::make_unique<RawEnd>(runtime, std::move(link.value()), rpc::Side::listener, scope);
      while (node.proxy().links_up() == 0) co_await runtime.sleep_for(1ms);
    }
    auto stream = co_await world.host("client").connect({"proxy", 7400}, no_deadline);
    client = std::make_unique<RawEnd>(runtime, std::move(stream.value()), rpc::Side::dialer, scope);
    while (!client->greeted) co_await runtime.sleep_for(1ms);
  }
  task<> end() {
    EXPECT_FALSE(client->over);
    EXPECT_FALSE(backend && backend->over);
    client->close();
    node.lifecycle().advance(Phase::draining);
    co_await scope.join();
  }

  sim::World& world;
  Scope scope;
  ProxyNode node;
  std::unique_ptr<RawEnd> backend;
  std::unique_ptr<RawEnd> client;
};

task<> with_ends(sim::World& world, bool with_backend, task<> (*steps)(Ends&)) {
  Ends ends(world);
  co_await ends.begin(with_backend);
  co_await steps(ends);
  co_await ends.end();
}

void run(task<> (*steps)(Ends&), bool with_backend = true) {
  for_each_seed(1, repetitions(1, 100), [&](std::uint64_t seed) {
    sim::World world(seed);
    world.run(with_ends(world, with_backend, steps));
  });
}

task<> both_ways(Ends& ends) {
  const std::uint32_t asked = ends.client->ask();
  co_await ends.backend->until(Kind::request, 1);
  const std::uint32_t served = ends.backend->last().stream;
  ends.client->item(asked, window / 2);
  ends.client->item(asked, window / 2);
  ends.backend->item(served, window);
  co_await ends.backend->until(Kind::item, 2);
  co_await ends.client->until(Kind::item, 1);
  // All that was granted at first is used up: more needs more credit.
  ends.backend->grant(served, 1000);
  ends.client->grant(asked, 500);
  co_await ends.client->until(Kind::credit, 1);
  co_await ends.backend->until(Kind::credit, 1);
  ends.client->item(asked, 1000);
  ends.backend->item(served, 500);
  co_await ends.backend->until(Kind::item, 3);
  co_await ends.client->until(Kind::item, 2);
  EXPECT_EQ(ends.backend->item_bytes(served), window + 1000);
  EXPECT_EQ(ends.client->item_bytes(asked), window + 500);
  ends.backend->reply(served);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "");
}
TEST(RelayItems, PassBothWaysWithinTheirCredit) {
  run(both_ways);
}

/// Two requests under way, by their numbers on both sides.
struct Two {
  std::uint32_t asked[2];
  std::uint32_t served[2];
};
task<Two> ask_twice(Ends& ends) {
  Two two{};
  for (std::uint32_t& stream : two.asked) stream = ends.client->ask();
  co_await ends.backend->until(Kind::request, 2);
  for (int i : {0, 1}) two.served[i] = ends.backend->seen.at(static_cast<std::size_t>(i)).stream;
  co_return two;
}

/// The first stream has been broken off; the session's other stream, and the link, go on.
task<> expect_second_works(Ends& ends, Two two) {
  const std::size_t before = ends.backend->item_bytes(two.served[1]);
  ends.client->item(two.asked[1], 10);
  ends.backend->item(two.served[1], 20);
  co_await ends.backend->until(Kind::item, ends.backend->count(Kind::item) + 1);
  EXPECT_EQ(ends.backend->item_bytes(two.served[1]), before + 10);
  ends.backend->reply(two.served[1]);
  co_await ends.client->until(Kind::reply, 2);
  EXPECT_EQ(ends.client->item_bytes(two.asked[1]), 20u);
  EXPECT_EQ(ends.client->last().reason, "");
}

task<> client_exceeds(Ends& ends) {
  const Two two = co_await ask_twice(ends);
  ends.client->item(two.asked[0], window);
  ends.client->item(two.asked[0], 1);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "credit_exceeded");
  EXPECT_FALSE(ends.client->last().unstarted);
  co_await ends.backend->until(Kind::cancel, 1);
  EXPECT_EQ(ends.backend->item_bytes(two.served[0]), window) << "what was too much went nowhere";
  co_await expect_second_works(ends, two);
}
TEST(RelayItems, AClientThatExceedsItsCreditLosesThatStreamOnly) {
  run(client_exceeds);
}

task<> backend_exceeds(Ends& ends) {
  const Two two = co_await ask_twice(ends);
  ends.backend->item(two.served[0], window);
  ends.backend->item(two.served[0], 1);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "backend_exceeded_credit");
  EXPECT_EQ(ends.client->item_bytes(two.asked[0]), window) << "what was too much went nowhere";
  co_await ends.backend->until(Kind::cancel, 1);
  co_await expect_second_works(ends, two);
}
TEST(RelayItems, ABackendThatExceedsItsCreditLosesThatStreamOnly) {
  run(backend_exceeds);
}

task<> absurd_credit(Ends& ends) {
  const std::uint32_t asked = ends.client->ask();
  co_await ends.backend->until(Kind::request, 1);
  ends.client->grant(asked, 0x7fffffff - window);
  co_await ends.backend->until(Kind::credit, 1);
  ends.client->grant(asked, 1);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "credit_exceeded");
}
TEST(RelayItems, CreditCannotOverflow) {
  run(absurd_credit);
}

task<> client_goes_on(Ends& ends) {
  const Two two = co_await ask_twice(ends);
  ends.client->last_item(two.asked[0], 5);
  co_await ends.backend->until(Kind::item, 1);
  ends.client->grant(two.asked[0], 1);
  co_await ends.backend->until(Kind::credit, 1);
  ends.client->item(two.asked[0], 1);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "item_after_end");
  co_await ends.backend->until(Kind::cancel, 1);
  EXPECT_EQ(ends.backend->item_bytes(two.served[0]), 5u);
  co_await expect_second_works(ends, two);
}
TEST(RelayItems, AnItemAfterTheClientsEndLosesThatStreamOnly) {
  run(client_goes_on);
}

task<> request_was_all(Ends& ends) {
  const std::uint32_t asked = ends.client->ask(10, wire::flags::end);
  co_await ends.backend->until(Kind::request, 1);
  ends.client->item(asked, 1);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "item_after_end");
  EXPECT_EQ(ends.backend->count(Kind::item), 0u);
}
TEST(RelayItems, NoneFollowsARequestThatSaysThatItIsAll) {
  run(request_was_all);
}

task<> backend_goes_on(Ends& ends) {
  const Two two = co_await ask_twice(ends);
  ends.backend->last_item(two.served[0], 5);
  ends.backend->item(two.served[0], 1);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "backend_item_after_end");
  EXPECT_EQ(ends.client->item_bytes(two.asked[0]), 5u);
  co_await ends.backend->until(Kind::cancel, 1);
  co_await expect_second_works(ends, two);
}
TEST(RelayItems, AnItemAfterTheBackendsEndLosesThatStreamOnly) {
  run(backend_goes_on);
}

task<> more_than_credit(Ends& ends) {
  const std::uint32_t asked = ends.client->ask();
  co_await ends.backend->until(Kind::request, 1);
  ends.client->grant_with(asked, 100);
  co_await ends.backend->until(Kind::credit, 1);
  EXPECT_EQ(ends.backend->last().bytes, 0u);
  ends.backend->grant_with(ends.backend->seen.at(0).stream, 100);
  co_await ends.client->until(Kind::credit, 1);
  EXPECT_EQ(ends.client->last().bytes, 0u);
}
TEST(RelayItems, CreditBringsNothingElse) {
  run(more_than_credit);
}

task<> too_large(Ends& ends) {
  // With what the proxy puts in front it would be more than the backend takes, and end the link.
  ends.client->ask(wire::default_frame_limit);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "request_too_large");
  EXPECT_FALSE(ends.client->last().unstarted) << "it will never fit";
  ends.client->ask(wire::default_frame_limit - 100);
  co_await ends.backend->until(Kind::request, 1);
  ends.backend->reply(ends.backend->last().stream);
  co_await ends.client->until(Kind::reply, 2);
  EXPECT_EQ(ends.client->last().reason, "");
}
TEST(RelayItems, ARequestThatIsTooLargeForABackendIsRefusedAndTouchesNoLink) {
  run(too_large);
}

task<> no_backend(Ends& ends) {
  const std::uint32_t asked = ends.client->ask();
  ends.client->item(asked, 10);
  co_await ends.client->until(Kind::reply, 1);
  EXPECT_EQ(ends.client->last().reason, "no_backend");
  EXPECT_TRUE(ends.client->last().unstarted);
}
TEST(RelayItems, DoNotGetLostWhileARequestWaitsForABackend) {
  run(no_backend, false);
}

}  // namespace
}  // namespace babilu::test
