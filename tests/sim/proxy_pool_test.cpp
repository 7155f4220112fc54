// Which backend gets a request, when backends are slow, failing, leaving, gone, or brought down by
// what they are asked.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "core/runtime/runtime.h"
#include "roles/api/echo.pb.h"
#include "tests/sim/stack.h"
#include "tests/support/size.h"
#include "tests/support/status.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;
using api::Echo;
using rpc::Code;

/// A backend that offers echo alone, and behaves as a test wants it to.
class FakeBackend {
 public:
  FakeBackend(sim::World& world, const std::string& host)
      : world_(world), host_(host), scope_(std::make_unique<Scope>(world.runtime())) {
    api::offer<Echo>(table_);
    rpc::add(table_, Echo::echo, this, &FakeBackend::echo);
    start();
  }

  void start() {
    listener_ = world_.host(host_).listen({host_, 7401}).value();
    scope_->spawn("accept", accept());
  }
  task<> stop() {
    listener_->close();
    scope_->cancel();
    co_await scope_->join();
    scope_ = std::make_unique<Scope>(world_.runtime());
  }

  Clock::duration delay{0};
  Code code = Code::ok;
  bool dies = false;  ///< of each request, before it answers
  int asked = 0;

 private:
  task<> accept() {
    for (;;) {
      auto stream = co_await listener_->accept();
      if (!stream) co_return;
      scope_->spawn("link", serve(std::move(*stream)));
    }
  }
  task<> serve(net::StreamPtr stream) {
    rpc::SessionOptions options;
    options.trust_hop_without_certificate = true;
    rpc::Session session(world_.runtime(), std::move(stream), rpc::Side::listener, table_, options);
    co_await session.run();
  }
  task<rpc::Outcome<api::EchoReply>> echo(rpc::Call&, const api::EchoRequest& request) {
    ++asked;
    if (dies) {
      listener_->close();
      world_.cut("proxy", host_);
    }
    if (delay > 0s) co_await world_.runtime().sleep_for(delay);
    if (code != Code::ok) co_return test::status(code, "asked_for");
    api::EchoReply reply;
    reply.set_payload(request.payload());
    co_return reply;
  }

  sim::World& world_;
  const std::string host_;
  rpc::ServiceTable table_;
  net::ListenerPtr listener_;
  std::unique_ptr<Scope> scope_;
};

/// A proxy before so many fake backends, and a client.
struct Site {
  Site(sim::World& its_world, std::size_t count) : world(its_world), scope(world.runtime()) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string host(1, static_cast<char>('a' + i));
      backends.push_back(std::make_unique<FakeBackend>(world, host));
      names.push_back(host + ":7401");
    }
    node = std::make_unique<ProxyNode>(world, names);
    scope.spawn("proxy", node->proxy().run());
    client = std::make_unique<Client>(world);
  }

  task<> ready(std::size_t links) {
    while (node->proxy().links_up() != links) co_await world.runtime().sleep_for(1ms);
  }
  task<> end() {
    co_await client->channel().close();
    node->lifecycle().advance(Phase::draining);
    co_await scope.join();
    for (auto& backend : backends) co_await backend->stop();
  }

  FakeBackend& operator[](std::size_t index) { return *backends.at(index); }

  task<std::string> ask(std::uint32_t route = 0, Clock::duration time = 10s) {
    api::EchoRequest request;
    request.set_payload("x");
    rpc::CallOptions options;
    options.deadline = world.runtime().now() + time;
    options.route = route;
    auto reply = co_await client->call(Echo::echo, request, options);
    co_return reply ? "ok" : reply.error().reason;
  }
  /// How often each was asked by so many requests, one each millisecond.
  task<std::vector<int>> spread(int requests, std::uint32_t routes = 0) {
    std::vector<int> before;
    for (auto& backend : backends) before.push_back(backend->asked);
    Scope asking(world.runtime());
    for (int i = 0; i < requests; ++i) {
      const auto route = routes == 0 ? 0 : 1 + static_cast<std::uint32_t>(i) % routes;
      asking.spawn("ask", ask_and_forget(route));
      co_await world.runtime().sleep_for(1ms);
    }
    co_await asking.join();
    std::vector<int> asked;
    for (std::size_t i = 0; i < backends.size(); ++i)
      asked.push_back(backends[i]->asked - before[i]);
    co_return asked;
  }
  task<> ask_and_forget(std::uint32_t route) { co_await ask(route); }

  sim::World& world;
  std::vector<std::unique_ptr<FakeBackend>> backends;
  std::unique_ptr<ProxyNode> node;
  std::unique_ptr<Client> client;
  Scope scope;
};

task<> with_site(sim::World& world, std::size_t count, task<> (*steps)(Site&)) {
  Site site(world, count);
  co_await site.ready(count);
  co_await steps(site);
  co_await site.end();
}

void run(std::size_t backends, task<> (*steps)(Site&)) {
  for_each_seed(1, repetitions(1, 20), [&](std::uint64_t seed) {
    sim::World world(seed);
    world.run(with_site(world, backends, steps));
  });
}

std::uint64_t ejections(Site& site, const std::string& host) {
  return site.node->figures().of(host + ":7401")->ejections.value();
}

task<> even(Site& site) {
  co_await site.world.runtime().sleep_for(10s);  // beyond the slow start
  // Not evenly: the network's jitter makes one look a little faster for a while.
  for (const int asked : co_await site.spread(900)) EXPECT_GT(asked, 100);
}
TEST(Pool, SpreadsOverAll) {
  run(3, even);
}

/// How many backends each burst of eight requests went to.
task<> bursts(Site& site, std::vector<int>& backends_of_burst) {
  for (int round = 0; round < 20; ++round) {
    const std::array before{site[0].asked, site[1].asked};
    Scope asking(site.world.runtime());
    for (int i = 0; i < 8; ++i) asking.spawn("ask", site.ask_and_forget(0));
    co_await asking.join();
    backends_of_burst.push_back((site[0].asked != before[0]) + (site[1].asked != before[1]));
  }
}
task<> together(Site& site) {
  std::vector<int> starting;
  co_await bursts(site, starting);
  EXPECT_GT(std::ranges::count(starting, 2), 10) << "while they start, each takes little";

  co_await site.world.runtime().sleep_for(10s);
  co_await site.spread(10);  // what they take is known
  const std::array before{site[0].asked, site[1].asked};
  std::vector<int> quick;
  co_await bursts(site, quick);
  EXPECT_EQ(quick, std::vector<int>(20, 1));
  EXPECT_GT(site[0].asked, before[0]);
  EXPECT_GT(site[1].asked, before[1]);

  site[0].delay = site[1].delay = 20ms;
  co_await site.spread(10);
  std::vector<int> slow;
  co_await bursts(site, slow);
  EXPECT_EQ(slow, std::vector<int>(20, 2)) << "who would wait for one another goes apart";
}
TEST(Pool, ShortRequestsThatComeTogetherStayTogether) {
  run(2, together);
}

task<> slow(Site& site) {
  for (auto& backend : site.backends) backend->delay = 2ms;
  co_await site.spread(300);
  site[0].delay = 100ms;
  const auto during = co_await site.spread(900);
  EXPECT_LT(during[0], 60);
  site[0].delay = 2ms;
  co_await site.world.runtime().sleep_for(1min);
  const auto after = co_await site.spread(900);
  EXPECT_GT(after[0], 100);
}
TEST(Pool, WhoIsSlowGetsLittleUntilItHasRecovered) {
  run(3, slow);
}

task<> slow_for_a_time(Site& site) {
  for (auto& backend : site.backends) backend->delay = 30ms;
  co_await site.spread(3000);
  EXPECT_EQ(ejections(site, "a"), 0u);
  site[0].delay = 200ms;
  co_await site.spread(5000);
  EXPECT_GE(ejections(site, "a"), 1u);
  EXPECT_EQ(ejections(site, "b") + ejections(site, "c"), 0u);
  site[0].delay = 30ms;
  co_await site.world.runtime().sleep_for(2min);
  const auto after = co_await site.spread(900);
  EXPECT_GT(after[0], 100);
}
TEST(Pool, EjectsWhoIsFarSlowerThanTheOthersForATime) {
  run(3, slow_for_a_time);
}

task<> failing(Site& site) {
  site[1].code = Code::internal;
  co_await site.spread(3000);
  EXPECT_GE(ejections(site, "b"), 1u);
  const auto later = co_await site.spread(500);
  EXPECT_LT(later[1], 60);
}
TEST(Pool, EjectsWhoFails) {
  run(3, failing);
}

task<> all_failing(Site& site) {
  for (auto& backend : site.backends) backend->code = Code::internal;
  co_await site.spread(5000);
  // One of two is the most that may be out at a time, and somebody always answers.
  const auto asked = co_await site.spread(100);
  EXPECT_EQ(asked[0] + asked[1], 100);
  EXPECT_EQ(co_await site.ask(), "asked_for");
}
TEST(Pool, NeverEjectsTheLast) {
  run(2, all_failing);
}

task<> refused(Site& site) {
  site[0].code = site[1].code = Code::not_found;
  co_await site.spread(3000);
  EXPECT_EQ(ejections(site, "a") + ejections(site, "b"), 0u);
}
TEST(Pool, AClientsOwnMistakesAreNoFaultOfABackend) {
  run(2, refused);
}

task<> drained(Site& site) {
  EXPECT_FALSE(site.node->proxy().set_draining("z:7401", true));
  EXPECT_TRUE(site.node->proxy().set_draining("a:7401", true));
  const auto asked = co_await site.spread(200);
  EXPECT_EQ(asked[0], 0);
  EXPECT_EQ(asked[1], 200);
  EXPECT_TRUE(site.node->proxy().set_draining("a:7401", false));
  const auto again = co_await site.spread(200);
  EXPECT_GT(again[0], 20);
}
TEST(Pool, ADrainedBackendGetsNothing) {
  run(2, drained);
}

task<> routed(Site& site) {
  std::map<std::uint32_t, std::vector<int>> homes;
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t route = 1; route <= 40; ++route) {
      std::vector<int> before;
      for (auto& backend : site.backends) before.push_back(backend->asked);
      EXPECT_EQ(co_await site.ask(route), "ok");
      for (int i = 0; i < 3; ++i) {
        const auto index = static_cast<std::size_t>(i);
        if (site[index].asked != before[index]) homes[route].push_back(i);
      }
    }
  }
  std::map<int, int> share;
  for (const auto& [route, home] : homes) {
    EXPECT_EQ(home, std::vector<int>(3, home.front())) << route;
    ++share[home.front()];
  }
  EXPECT_EQ(share.size(), 3u);
}
TEST(Pool, ARouteHasItsBackend) {
  run(3, routed);
}

task<> deadly(Site& site) {
  for (auto& backend : site.backends) backend->dies = true;
  EXPECT_EQ(co_await site.ask(), "backend_lost");
  int dead = 0;
  for (auto& backend : site.backends) dead += backend->asked;
  EXPECT_EQ(dead, 2);
  EXPECT_EQ(site.node->proxy().links_up(), 1u);
  EXPECT_EQ(site.client->channel().reconnects(), 0u);
  for (auto& backend : site.backends) backend->dies = false;
  EXPECT_EQ(co_await site.ask(), "ok");
}
TEST(Pool, ARequestThatKillsIsSentTwiceAndNoMore) {
  run(3, deadly);
}

task<> outage(Site& site) {
  co_await site[0].stop();
  co_await site[1].stop();
  co_await site.ready(0);
  EXPECT_EQ(co_await site.ask(0, 100ms), "deadline");
  EXPECT_EQ(co_await site.ask(0, 5s), "no_backend");

  // Who asks while it is short notices nothing.
  Scope asking(site.world.runtime());
  std::string outcome;
  struct Ask {
    static task<> one(Site& where, std::string& said) { said = co_await where.ask(); }
  };
  asking.spawn("ask", Ask::one(site, outcome));
  co_await site.world.runtime().sleep_for(10ms);
  site[1].start();
  co_await asking.join();
  EXPECT_EQ(outcome, "ok");
  EXPECT_EQ(site.client->channel().reconnects(), 0u);
}
TEST(Pool, AShortOutageIsWaitedOutAndALongOneIsSaid) {
  run(2, outage);
}

task<> moved(Site& site) {
  proxy::ProxyOptions options;
  options.backends = {proxy::Backend::parse("b:7401").value(),
                      proxy::Backend::parse("c:7401").value()};
  site[0].delay = 500ms;
  site[1].delay = 500ms;
  Scope asking(site.world.runtime());
  for (int i = 0; i < 20; ++i) asking.spawn("ask", site.ask_and_forget(0));
  co_await site.world.runtime().sleep_for(10ms);
  const int at_a = site[0].asked;
  EXPECT_GT(at_a, 0);
  site.node->proxy().apply(options);
  EXPECT_EQ(site.node->proxy().links(), 2u);
  co_await site.ready(2);
  co_await asking.join();
  EXPECT_EQ(site[0].asked + site[1].asked, 20);  // what was at a was answered there
  co_await site.spread(50);
  EXPECT_EQ(site[0].asked, at_a);
  EXPECT_GT(site[2].asked, 0);
}

task<> with_a_spare(sim::World& world) {
  Site site(world, 2);
  site.backends.push_back(std::make_unique<FakeBackend>(world, "c"));
  co_await site.ready(2);
  co_await moved(site);
  co_await site.end();
}
TEST(Pool, TakesUpOtherBackendsWithoutALoss) {
  sim::World world(1);
  world.run(with_a_spare(world));
}

}  // namespace
}  // namespace babilu::test
