// What a request is told that waited for a backend in vain.
#include <gtest/gtest.h>

#include "core/runtime/runtime.h"
#include "roles/api/echo.pb.h"
#include "tests/sim/stack.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using api::Echo;
using rpc::Code;

double refused(ProxyNode& proxy, const std::string& reason) {
  for (const auto& family : proxy.metrics().snapshot()) {
    if (family.name != "babilu_proxy_requests_refused_total") continue;
    for (const auto& series : family.series) {
      if (series.labels == telemetry::Labels{{"reason", reason}}) return series.value;
    }
  }
  ADD_FAILURE() << "no such metric: " << reason;
  return -1;
}

struct Site {
  explicit Site(sim::World& its_world) : world(its_world), stack(world), client(world) {}

  task<rpc::Outcome<api::EchoReply>> ask(Clock::duration time) {
    co_return co_await client.call(Echo::echo, {}, {.deadline = world.runtime().now() + time});
  }
  void partition() {
    for (const char* backend : {"backend-a", "backend-b"}) world.partition("proxy", backend);
  }
  void cut() {
    for (const char* backend : {"backend-a", "backend-b"}) world.cut("proxy", backend);
  }
  task<> recover() {
    for (const char* backend : {"backend-a", "backend-b"}) world.heal("proxy", backend);
    co_await stack.ready();
    EXPECT_TRUE(co_await ask(10s));
    EXPECT_EQ(client.channel().reconnects(), 0u);
  }

  sim::World& world;
  SimulatedStack stack;
  Client client;
};

using Steps = task<> (*)(Site& site);

task<> with_site(sim::World& world, Steps steps) {
  Site site(world);
  co_await site.stack.ready();
  EXPECT_TRUE(co_await site.ask(10s));
  co_await steps(site);
  co_await site.recover();
  co_await site.client.channel().close();
  co_await site.stack.stop();
}

void run(Steps steps) {
  sim::World world(5);
  world.run(with_site(world, steps));
}

task<> no_time(Site& site) {
  site.partition();
  site.cut();
  co_await site.world.runtime().sleep_for(10ms);
  const auto began = site.world.runtime().now();
  const auto late = co_await site.ask(200ms);
  EXPECT_FALSE(late);
  if (late) co_return;
  EXPECT_EQ(late.error().code, Code::deadline_exceeded) << late.error().to_string();
  EXPECT_EQ(late.error().message, "no backend was connected until the time was up");
  EXPECT_LT(site.world.runtime().now() - began, 200ms) << "said while the client still listens";
  EXPECT_EQ(refused(site.stack.proxy(), "deadline"), 1);
  EXPECT_EQ(refused(site.stack.proxy(), "no_backend"), 0);
}
TEST(RelayWaiting, ARequestWhoseTimeIsUpIsToldThat) {
  run(no_time);
}

task<> no_patience(Site& site) {
  site.partition();
  site.cut();
  co_await site.world.runtime().sleep_for(10ms);
  // Its client tries again after a second's wait at the proxy, until its time would not do.
  const auto refusal = co_await site.ask(1200ms);
  EXPECT_FALSE(refusal);
  if (refusal) co_return;
  EXPECT_EQ(refusal.error().code, Code::unavailable) << refusal.error().to_string();
  EXPECT_EQ(refusal.error().reason, "no_backend");
  EXPECT_GT(refusal.error().retry_after, 0ms);
  EXPECT_EQ(refused(site.stack.proxy(), "no_backend"), 1);
  EXPECT_EQ(refused(site.stack.proxy(), "deadline"), 0);
}
TEST(RelayWaiting, AnOutageLongerThanTheProxysPatienceIsSaid) {
  run(no_patience);
}

task<> lost_too_late(Site& site) {
  site.partition();  // half-open: what is sent now is on a link until that is found dead
  const auto late = co_await site.ask(50ms);
  EXPECT_FALSE(late);
  if (late) co_return;
  EXPECT_EQ(late.error().code, Code::deadline_exceeded);
  co_await site.world.runtime().sleep_for(50ms);
  site.cut();
  co_await site.world.runtime().sleep_for(1ms);
  EXPECT_EQ(refused(site.stack.proxy(), "deadline"), 1);
  EXPECT_EQ(refused(site.stack.proxy(), "no_backend"), 0);
  EXPECT_EQ(refused(site.stack.proxy(), "backends_busy"), 0);
}
TEST(RelayWaiting, ARequestThatLosesItsLinkAfterItsTimeIsNotSentAgain) {
  run(lost_too_late);
}

}  // namespace
}  // namespace babilu::test
