// What the proxy does with who asks for more than it may.
#include <gtest/gtest.h>

#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"
#include "roles/api/echo.pb.h"
#include "tests/sim/stack.h"
#include "tests/support/size.h"
#include "tools/bots/limits.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using api::Echo;

using Steps = task<> (*)(sim::World& world, SimulatedStack& stack);

task<> with_stack(sim::World& world, Steps steps) {
  SimulatedStack stack(world);
  co_await stack.ready();
  co_await steps(world, stack);
  co_await stack.stop();
}

void run(Steps steps) {
  for_each_seed(1, repetitions(1, 50), [&](std::uint64_t seed) {
    sim::World world(seed);
    world.run(with_stack(world, steps));
  });
}

std::uint64_t counted(const proxy::Refusals& refusals, std::string_view wanted) {
  std::uint64_t found = 0;
  refusals.each([&](std::string_view reason, std::uint64_t count) {
    if (reason == wanted) found = count;
  });
  return found;
}

task<> ask(Client& client, int& refused) {
  const auto reply = co_await client.call(Echo::echo, api::EchoRequest());
  if (reply) co_return;
  EXPECT_EQ(reply.error().reason, "too_many_requests") << reply.error().to_string();
  ++refused;
}

task<> too_many_requests(sim::World& world, SimulatedStack& stack) {
  stack.proxy().admission().set_options({.each = {.requests_per_second = 5}});
  Client client(world);
  int refused = 0;
  {
    Scope requests(world.runtime());
    for (int i = 0; i < 25; ++i) requests.spawn("ask", ask(client, refused));
    co_await requests.join();
  }
  EXPECT_EQ(refused, 15);
  const auto& counts = stack.proxy().observer().refused_requests();
  EXPECT_EQ(counted(counts, "too_many_requests"), 15u);
  EXPECT_EQ(counted(counts, "other"), 0u);
  co_await client.channel().close();
}
TEST(Limits, RequestsOverTheRateAreRefusedAndCounted) {
  run(too_many_requests);
}

void append_request(Buffer& bytes, std::uint32_t stream) {
  wire::append(bytes,
               {.kind = wire::Kind::request,
                .flags = wire::flags::end,
                .method = Echo::echo.traits.id,
                .stream = stream,
                .value = 10'000},
               {}, {});
}

task<> too_many_streams(sim::World& world, SimulatedStack& stack) {
  const auto deadline = world.runtime().now() + 1s;
  auto stream = co_await world.host("client").connect(SimulatedStack::address(), deadline);
  wire::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  Buffer bytes;
  wire::append(bytes, {.kind = wire::Kind::hello}, {}, bytes_of(hello.SerializeAsString()));
  for (std::uint32_t i = 0; i < 1100; ++i) append_request(bytes, 2 * i + 1);
  co_await net::write_all(*stream.value(), bytes);
  co_await world.runtime().sleep_for(500ms);
  const auto& counts = stack.proxy().observer().refused_requests();
  EXPECT_GT(counted(counts, "too_many_streams"), 0u);
  EXPECT_EQ(counted(counts, "other"), 0u);
  stream.value()->close();
}
TEST(Limits, UnansweredRequestsOverTheLimitAreCounted) {
  run(too_many_streams);
}

std::string said_to(Client& client) {
  const wire::Hello* const hello = client.channel().other_hello();
  return hello == nullptr ? "nothing" : bots::format_limits(bots::limits_in(*hello));
}

task<> said(sim::World& world, SimulatedStack& stack) {
  const auto deadline = world.runtime().now() + 1s;
  Client first(world);
  EXPECT_EQ(said_to(first), "nothing");
  co_await first.channel().ready(deadline);
  EXPECT_EQ(said_to(first),
            "limits of this address: 1,000 sessions, 100 handshakes/s, 5,000 requests/s\n"
            "limits of a session: 1,024 unanswered requests, frames of 256 KiB\n");
  co_await first.channel().close();

  stack.proxy().admission().set_options({.each = {0, 0, 0}});
  Client later(world, "later");
  co_await later.channel().ready(deadline);
  EXPECT_TRUE(said_to(later).starts_with("limits of this address: none\n")) << said_to(later);
  co_await later.channel().close();
}
TEST(Limits, AreSaidInTheHello) {
  run(said);
}

}  // namespace
}  // namespace babilu::test
