// What the proxy does with requests when links break, backends leave, and peers vanish.
#include <gtest/gtest.h>

#include "core/runtime/runtime.h"
#include "roles/api/echo.pb.h"
#include "roles/api/registry.pb.h"
#include "tests/sim/stack.h"
#include "tests/support/size.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using api::Echo;
using rpc::Code;

api::EchoRequest echo(const std::string& payload) {
  api::EchoRequest request;
  request.set_payload(payload);
  return request;
}

task<> expect_echo(Client& client, std::string payload) {
  const auto reply = co_await client.call(Echo::echo, echo(payload));
  EXPECT_EQ(reply.value().payload(), payload);
}

using Steps = task<> (*)(sim::World& world, SimulatedStack& stack, Client& client);

task<> with_stack(sim::World& world, Steps steps) {
  SimulatedStack stack(world);
  co_await stack.ready();
  Client client(world);
  co_await steps(world, stack, client);
  co_await client.channel().close();
  co_await stack.stop();
}

void run(Steps steps) {
  for_each_seed(1, repetitions(3, 200), [&](std::uint64_t seed) {
    sim::World world(seed);
    world.run(with_stack(world, steps));
  });
}

task<> plain(sim::World&, SimulatedStack&, Client& client) {
  co_await expect_echo(client, "hello");
  co_await expect_echo(client, std::string(200'000, 'x'));
  co_await expect_echo(client, "");
}
TEST(Relay, PassesThroughProxyAndBackend) {
  run(plain);
}

task<> broken_link(sim::World& world, SimulatedStack& stack, Client& client) {
  Scope requests(world.runtime());
  for (int i = 0; i < 50; ++i) {
    requests.spawn("echo", expect_echo(client, std::to_string(i)));
  }
  // In the middle of the way there: requests are in flight on both links.
  co_await world.runtime().sleep_for(500us);
  world.cut("proxy", "backend-a");
  co_await requests.join();
  EXPECT_EQ(client.channel().reconnects(), 0u);
  co_await stack.ready();
  co_await expect_echo(client, "after");
}
TEST(Relay, ABrokenLinkCostsNoRequestAndNoSession) {
  run(broken_link);
}

task<> all_links(sim::World& world, SimulatedStack& stack, Client& client) {
  co_await expect_echo(client, "before");
  world.partition("proxy", "backend-a");
  world.partition("proxy", "backend-b");
  world.cut("proxy", "backend-a");
  world.cut("proxy", "backend-b");
  co_await world.runtime().sleep_for(10ms);
  rpc::Client<Echo> impatient(client.channel());
  auto refused =
      co_await impatient.call(Echo::echo, echo("now"), {.deadline = world.runtime().now() + 20ms});
  EXPECT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::deadline_exceeded) << refused.error().to_string();
  world.heal("proxy", "backend-a");
  world.heal("proxy", "backend-b");
  co_await stack.ready();
  co_await expect_echo(client, "after");
  EXPECT_EQ(client.channel().reconnects(), 0u);
}
TEST(Relay, WithoutBackendsItSaysSoAndRecovers) {
  run(all_links);
}

struct Outcomes {
  int answered = 0;
  int late = 0;
};
task<> count_outcome(Client& client, Outcomes& outcomes) {
  const auto reply = co_await client.call(Echo::echo, echo("x"));
  if (reply) {
    ++outcomes.answered;
  } else if (reply.error().code == Code::deadline_exceeded) {
    ++outcomes.late;
  }
}

task<> vanished_backend(sim::World& world, SimulatedStack& stack, Client& client) {
  co_await expect_echo(client, "before");
  world.partition("proxy", "backend-a");
  // Half-open: nobody is told. A request that went there waits until the pings are missed.
  Outcomes outcomes;
  Scope requests(world.runtime());
  for (int i = 0; i < 10; ++i) requests.spawn("echo", count_outcome(client, outcomes));
  co_await requests.join();
  EXPECT_GT(outcomes.answered, 0);
  EXPECT_GT(outcomes.late, 0) << "nobody asked the one that is silent";
  EXPECT_EQ(outcomes.answered + outcomes.late, 10);
  co_await world.runtime().sleep_for(30s);
  EXPECT_EQ(stack.proxy().proxy().links_up(), 1u);
  co_await expect_echo(client, "after");
  world.heal("proxy", "backend-a");
}
TEST(Relay, AVanishedBackendIsNoticedByItsSilence) {
  run(vanished_backend);
}

task<> client_gone(sim::World& world, SimulatedStack& stack, Client& client) {
  Client other(world, "other");
  co_await expect_echo(other, "here");
  Scope requests(world.runtime());
  for (int i = 0; i < 5; ++i) requests.spawn("echo", expect_echo(client, std::to_string(i)));
  co_await world.runtime().sleep_for(300us);
  world.cut("other", "proxy");
  co_await requests.join();
  co_await expect_echo(other, "again");
  EXPECT_EQ(other.channel().reconnects(), 1u);
  co_await other.channel().close();
  EXPECT_EQ(stack.proxy().proxy().links_up(), 2u);
}
TEST(Relay, AClientThatBreaksOffTouchesNobodyElse) {
  run(client_gone);
}

task<> draining_backend(sim::World& world, SimulatedStack& stack, Client& client) {
  Scope requests(world.runtime());
  for (int i = 0; i < 50; ++i) requests.spawn("echo", expect_echo(client, std::to_string(i)));
  co_await world.runtime().sleep_for(250us);
  stack.a().lifecycle().advance(Phase::draining);
  co_await requests.join();
  for (int i = 0; i < 20; ++i) co_await expect_echo(client, "after");
}
TEST(Relay, ADrainingBackendLosesNoRequest) {
  run(draining_backend);
}

task<> deadline(sim::World& world, SimulatedStack&, Client& client) {
  co_await expect_echo(client, "before");
  rpc::Client<Echo> direct(client.channel());
  const auto began = world.runtime().now();
  auto late = co_await direct.call(Echo::echo, echo("late"), {.deadline = began + 100us});
  EXPECT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::deadline_exceeded);
  EXPECT_LE(world.runtime().now() - began, 1ms);
  co_await expect_echo(client, "after");
}
TEST(Relay, ADeadlineIsKept) {
  run(deadline);
}

}  // namespace
}  // namespace babilu::test
