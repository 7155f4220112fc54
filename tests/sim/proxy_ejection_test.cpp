// Whom the proxy leaves out, and whom it must not: the half that has to stay, and the last backend
// of a service.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/sim/wire_site.h"
#include "tests/support/status.h"

namespace babilu::test {
namespace {

using rpc::Code;

rpc::Reply failure(Code code = Code::internal) {
  return rpc::Reply::refuse(test::status(code, "as_the_test_wants"));
}

/// A request each millisecond, of which the last is answered in the end. Gives the most backends
/// that were left out at a time.
task<double> load(WireSite& site, Clock::duration time, WireEnd::Ask how = {}) {
  double most = 0;
  std::uint32_t last = 0;
  for (const auto end = site.now() + time; site.now() < end;) {
    last = site.client->ask("x", how);
    co_await site.sleep(1ms);
    most = std::max(most, site.metric("babilu_proxy_backend_ejected"));
  }
  co_await site.until([&] { return site.client->answer_to(last) != nullptr; }, "answered");
  site.client->seen.clear();
  co_return most;
}

double ejections(WireSite& site, const std::string& host) {
  return site.metric("babilu_proxy_backend_ejections_total", host);
}

void answer(WireSite& site, const std::vector<std::string>& hosts, const rpc::Reply& reply) {
  for (const std::string& host : hosts) site[host].answer_with(reply);
}

task<> all_of_three(WireSite& site) {
  answer(site, {"a", "b", "c"}, failure());
  EXPECT_EQ(co_await load(site, 8s), 1);
}
task<> all_of_four(WireSite& site) {
  answer(site, {"a", "b", "c", "d"}, failure());
  EXPECT_EQ(co_await load(site, 8s), 2);
}
task<> all_of_five(WireSite& site) {
  answer(site, {"a", "b", "c", "d", "e"}, failure());
  EXPECT_EQ(co_await load(site, 8s), 2);
}
TEST(Ejection, LeavesOutHalfOfAllAtMost) {
  run_wire({"a", "b", "c"}, all_of_three);
  run_wire({"a", "b", "c", "d"}, all_of_four);
  run_wire({"a", "b", "c", "d", "e"}, all_of_five);
}

task<> one_is_away(WireSite& site) {
  answer(site, {"a"}, failure());
  answer(site, {"b", "c"}, {});
  site["c"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 2; }, "one is gone");
  EXPECT_EQ(co_await load(site, 4s), 0) << "two of three would be out";
  site["c"].start();
  co_await site.until([&] { return site.node->proxy().links_up() == 3; }, "it is back");
  EXPECT_EQ(co_await load(site, 4s), 1);
  EXPECT_GE(ejections(site, "a"), 1);
  EXPECT_EQ(ejections(site, "b") + ejections(site, "c"), 0);
}
TEST(Ejection, CountsThoseThatAreAwayAmongTheHalf) {
  run_wire({"a", "b", "c"}, one_is_away);
}

task<> one_is_drained(WireSite& site) {
  answer(site, {"a"}, failure());
  answer(site, {"b", "c"}, {});
  site.node->proxy().set_draining("c:7401", true);
  EXPECT_EQ(co_await load(site, 4s), 0) << "two of three would be out";
  site.node->proxy().set_draining("c:7401", false);
  EXPECT_EQ(co_await load(site, 4s), 1);
}
TEST(Ejection, CountsThoseThatAreDrainedAmongTheHalf) {
  run_wire({"a", "b", "c"}, one_is_drained);
}

task<> last_of_a_service(WireSite& site) {
  site["a"].options.services = {1, 2};
  site["b"].options.services = {1, 2};
  co_await site.start({"a", "b", "c", "d"});
  answer(site, {"a"}, failure());
  answer(site, {"b", "c", "d"}, {});
  EXPECT_EQ(co_await load(site, 4s), 1) << "another offers all that it does";
  answer(site, {"a"}, {});
  co_await site.sleep(1min);

  // With the other one drained, it is the last of service 2.
  answer(site, {"a"}, failure());
  site.node->proxy().set_draining("b:7401", true);
  const double before = ejections(site, "a");
  EXPECT_EQ(co_await load(site, 4s), 0);
  EXPECT_EQ(ejections(site, "a"), before);
  site.node->proxy().set_draining("b:7401", false);

  // The same with the other one away.
  site["b"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 3; }, "one is gone");
  EXPECT_EQ(co_await load(site, 4s), 0);
  EXPECT_EQ(ejections(site, "a"), before);
}
TEST(Ejection, NeverOfTheLastThatOffersAService) {
  run_wire_unstarted({"a", "b", "c", "d"}, last_of_a_service);
}

task<> both_of_a_service(WireSite& site) {
  site["a"].options.services = {1, 2};
  site["b"].options.services = {1, 2};
  co_await site.start({"a", "b", "c", "d"});
  answer(site, {"a", "b"}, failure());
  answer(site, {"c", "d"}, {});
  EXPECT_EQ(co_await load(site, 8s), 1) << "one of the two stays";
}
TEST(Ejection, NeverOfAllThatOfferAService) {
  run_wire_unstarted({"a", "b", "c", "d"}, both_of_a_service);
}

task<> once_for_each_fault(WireSite& site) {
  // What was under way when it was left out fails later, and says nothing new.
  site["a"].answer_with(failure(), 500ms);
  answer(site, {"b", "c"}, {});
  while (ejections(site, "a") == 0) co_await load(site, 10ms);
  co_await load(site, 1500ms);
  EXPECT_EQ(site.figures("a").ejected.value(), 1);
  EXPECT_EQ(ejections(site, "a"), 1);
}
TEST(Ejection, IsNotProlongedByWhatWasUnderWay) {
  run_wire({"a", "b", "c"}, once_for_each_fault);
}

task<> taken_out(WireSite& site) {
  answer(site, {"a"}, failure());
  answer(site, {"b", "c"}, {});
  EXPECT_EQ(co_await load(site, 2s), 1);
  site.apply({"b", "c"});
  EXPECT_EQ(site.metric("babilu_proxy_backend_ejected"), 0) << "it is not there any more";
  site.node->proxy().set_draining("b:7401", true);
  site.apply({"c"});
  site.apply({"b", "c"});
  EXPECT_EQ(site.figures("b").draining.value(), 0) << "it begins anew";
}
TEST(Ejection, IsForgottenOfABackendThatIsTakenOut) {
  run_wire({"a", "b", "c"}, taken_out);
}

/// Two event loops of a process have a pool each, and the same figures.
task<> two_loops(WireSite& site) {
  net::Plaintext security;
  Lifecycle lifecycle;
  proxy::ProxyShared shared{lifecycle, log_into(site.world, "second"), site.node->observer(),
                            site.node->figures(), site.node->admission()};
  proxy::ProxyOptions options = site.options;
  for (const char* host : {"a:7401", "b:7401", "c:7401"}) {
    options.backends.push_back(*proxy::Backend::parse(host));
  }
  proxy::Proxy second(site.world.runtime(), site.world.host("second"), security, security,
                      site.world.host("second").listen({"second", 7400}).value(), shared, options);
  Scope scope(site.world.runtime());
  scope.spawn("second", second.run());
  co_await site.until([&] { return second.links_up() == 3; }, "its links are up");
  // The first has requests, and leaves one out; the second has none, and knows nothing of it.
  answer(site, {"a"}, failure());
  answer(site, {"b", "c"}, {});
  while (ejections(site, "a") == 0) co_await load(site, 10ms);
  co_await site.sleep(500ms);
  EXPECT_EQ(site.figures("a").ejected.value(), 1) << "one loop gives it no work";
  EXPECT_EQ(site.figures("a").links_up.value(), 2);
  lifecycle.advance(Phase::draining);
  co_await scope.join();
}
TEST(Ejection, IsCountedOverAllLoops) {
  run_wire({"a", "b", "c"}, two_loops);
}

/// Fails when a backend is left out.
class BrokenObserver final : public proxy::Observer {
 public:
  using Observer::Observer;
  void on_ejected(const proxy::Link&, double) override { throw std::runtime_error("a bug"); }
};

/// A proxy beside that of the site dies of its first ejection.
task<> watch_dies(WireSite& site) {
  Runtime& runtime = site.world.runtime();
  std::vector<std::string> died;
  runtime.on_failure([](std::string_view, const std::exception_ptr&) {});
  runtime.on_essential_failure([&died](std::string_view coroutine, const std::exception_ptr&) {
    died.emplace_back(coroutine);
  });
  net::Plaintext security;
  Lifecycle lifecycle;
  telemetry::Metrics metrics;
  const telemetry::Log log = log_into(site.world, "second");
  BrokenObserver observer(metrics, log, log);
  proxy::Figures figures(metrics);
  proxy::Admission admission{{}, runtime.random()};
  proxy::ProxyShared shared{lifecycle, log, observer, figures, admission};
  proxy::ProxyOptions options;
  for (const char* host : {"a:7401", "b:7401", "c:7401"}) {
    options.backends.push_back(proxy::Backend::parse(host).value());
  }
  proxy::Proxy second(runtime, site.world.host("second"), security, security,
                      site.world.host("second").listen({"second", 7400}).value(), shared, options);
  Scope scope(runtime);
  scope.spawn("second", second.run());
  answer(site, {"a"}, failure());
  answer(site, {"b", "c"}, {});
  co_await site.until([&] { return second.links_up() == 3; }, "its links are up");
  auto stream = co_await site.world.host("client").connect({"second", 7400}, no_deadline);
  WireEnd client(runtime, std::move(stream).value(), rpc::Side::dialer, {.services = {}}, scope,
                 "client");
  co_await site.until([&] { return client.greeted; }, "greeted");
  for (int asked = 0; asked < 3000 && died.empty(); ++asked) {
    client.ask();
    co_await site.sleep(1ms);
  }
  EXPECT_EQ(died, (std::vector<std::string>{"health"}));
  client.close();
  lifecycle.advance(Phase::draining);
  co_await scope.join();
  runtime.on_essential_failure({});
}
TEST(Ejection, IsWatchedForByWhatTheProxyCannotDoWithout) {
  run_wire({"a", "b", "c"}, watch_dies);
}

task<> used_if_need_be(WireSite& site) {
  answer(site, {"a"}, failure());
  answer(site, {"b", "c"}, {});
  EXPECT_EQ(co_await load(site, 3s), 1);
  while (site.figures("a").ejected.value() == 0) co_await load(site, 100ms);
  const std::size_t before = site["a"].asked();
  co_await load(site, 500ms);
  EXPECT_EQ(site["a"].asked(), before) << "it gets nothing";
  answer(site, {"a"}, {});
  site["b"].stop();
  site["c"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 1; }, "it is alone");
  const auto asked = site.now();
  const std::uint32_t stream = site.client->ask();
  co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
  EXPECT_EQ(site.client->outcome(stream), "ok");
  EXPECT_LE(site.now() - asked, 10ms);
}
TEST(Ejection, IsSuspendedWhenThereIsNobodyElse) {
  run_wire({"a", "b", "c"}, used_if_need_be);
}

task<> all_drained(WireSite& site) {
  answer(site, {"a", "b"}, {});
  site.node->proxy().set_draining("a:7401", true);
  site.node->proxy().set_draining("b:7401", true);
  const std::uint32_t stream = site.client->ask();
  co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
  EXPECT_EQ(site.client->outcome(stream), "ok");
  EXPECT_EQ(site.figures("a").draining.value(), 1);
  site.node->proxy().set_draining("a:7401", false);
  EXPECT_EQ(site.figures("a").draining.value(), 0);
  EXPECT_EQ(site.figures("b").draining.value(), 1);
}
TEST(Ejection, AnOperatorCannotDrainTheLastOnes) {
  run_wire({"a", "b"}, all_drained);
}

/// A route that has its home there.
task<std::uint32_t> route_to(WireSite& site, std::string host) {
  for (std::uint32_t route = 1; route < 100; ++route) {
    const std::size_t before = site[host].asked();
    const std::uint32_t stream = site.client->ask("x", {.route = route});
    co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
    if (site[host].asked() > before) co_return route;
  }
  ADD_FAILURE() << "no route to " << host;
  co_return 0;
}

/// So much to do that the slow one gets some of it: 30 ms at one or two, with 30 under way, or far
/// more at another with none.
task<> much_to_do(WireSite& site, Clock::duration time, WireEnd::Ask how = {}) {
  for (const auto end = site.now() + time; site.now() < end;) {
    site.client->ask("x", how);
    co_await site.sleep(1ms);
  }
}

task<> too_few(WireSite& site) {
  site["b"].answer_with({}, 30ms);
  site["a"].answer_with({}, 300ms);
  site.apply({"a weight=0.05", "b"});
  co_await much_to_do(site, 8s);
  EXPECT_GT(site["a"].asked(), 16u);
  EXPECT_EQ(ejections(site, "a"), 0) << "three or four in a second are nothing to judge by";
  site.apply({"a", "b"});
  co_await much_to_do(site, 8s);
  EXPECT_GE(ejections(site, "a"), 1) << "it is measured by the other alone";
  EXPECT_EQ(ejections(site, "b"), 0);
}
TEST(Ejection, OfWhoIsSlowNeedsEnoughRequests) {
  run_wire({"a", "b"}, too_few);
}

task<> routed_to_the_slow(WireSite& site) {
  site["b"].answer_with({}, 30ms);
  site["a"].answer_with({}, 300ms);
  const std::uint32_t to_a = co_await route_to(site, "a");
  const std::uint32_t to_b = co_await route_to(site, "b");
  for (int i = 0; i < 8000; ++i) {
    site.client->ask("x", {.route = i % 2 == 0 ? to_a : to_b});
    co_await site.sleep(1ms);
  }
  EXPECT_EQ(ejections(site, "a"), 0) << "who is asked what was chosen by the client";
}
TEST(Ejection, IsNotForAClientToSteer) {
  run_wire({"a", "b"}, routed_to_the_slow);
}

/// One is slow in a method that only it is asked; in the other they are alike.
task<> slow_method(WireSite& site) {
  site["a"].options.services = {1, 2};
  co_await site.start({"a", "b"});
  answer(site, {"a", "b"}, {});
  site["a"].end().options.delay_of[0x0201] = 100ms;
  for (int i = 0; i < 8000; ++i) {
    site.client->ask("x");
    if (i % 10 == 0) site.client->ask("x", {.method = 0x0201});
    co_await site.sleep(1ms);
  }
  EXPECT_EQ(ejections(site, "a") + ejections(site, "b"), 0);
  EXPECT_GT(site["b"].asked(), 1000u);
}
TEST(Ejection, ComparesMethodsEachForItself) {
  run_wire_unstarted({"a", "b"}, slow_method);
}

/// The same where another could take its place.
task<> slow_method_of_two(WireSite& site) {
  for (const char* host : {"a", "b"}) site[host].options.services = {1, 2};
  co_await site.start({"a", "b", "c", "d", "e"});
  answer(site, {"a", "b", "c", "d", "e"}, {});
  for (const char* host : {"a", "b"}) site[host].end().options.delay_of[0x0201] = 200ms;
  for (int i = 0; i < 6000; ++i) {
    for (int times = 0; times < 3; ++times) site.client->ask("x");
    if (i % 10 == 0) site.client->ask("x", {.method = 0x0201});
    co_await site.sleep(1ms);
  }
  EXPECT_EQ(ejections(site, "a") + ejections(site, "b"), 0);
}
TEST(Ejection, ComparesMethodsEachForItselfWhereAnotherHasThem) {
  run_wire_unstarted({"a", "b", "c", "d", "e"}, slow_method_of_two);
}

task<> recovered(WireSite& site) {
  // Slow for two reviews, then not: what was then is not held against it later.
  for (const char* host : {"b", "c"}) site[host].answer_with({}, 30ms);
  for (int round = 0; round < 4; ++round) {
    site["a"].answer_with({}, 200ms);
    co_await much_to_do(site, 2s);
    site["a"].answer_with({}, 30ms);
    co_await much_to_do(site, 2s);
  }
  EXPECT_EQ(ejections(site, "a"), 0);
  site["a"].answer_with({}, 200ms);
  co_await much_to_do(site, 5s);
  EXPECT_GE(ejections(site, "a"), 1) << "this lasts";
}
TEST(Ejection, LooksAtOneReviewAtATime) {
  run_wire({"a", "b", "c"}, recovered);
}

}  // namespace
}  // namespace babilu::test
