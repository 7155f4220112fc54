// Who answers, and when, if a backend does not until a request's time is up; and whose fault it is.
#include <gtest/gtest.h>

#include "tests/sim/wire_site.h"
#include "tests/support/status.h"

namespace babilu::test {
namespace {

using rpc::Code;
using wire::Kind;

double ejections(WireSite& site, const std::string& host) {
  return site.metric("babilu_proxy_backend_ejections_total", host);
}

task<> until_answered(WireSite& site, std::uint32_t stream) {
  co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
}

task<> hangs(WireSite& site) {
  const auto began = site.now();
  const std::uint32_t stream = site.client->ask("x", {.milliseconds = 300});
  co_await until_answered(site, stream);
  EXPECT_GE(site.now() - began, 300ms);
  EXPECT_LE(site.now() - began, 330ms);
  EXPECT_EQ(site.client->outcome(stream), "deadline");
  EXPECT_EQ(site.client->answer(stream).status.code, Code::deadline_exceeded);
  EXPECT_FALSE(site.client->answer(stream).head.has(wire::flags::unstarted)) << "it was sent";
  co_await site.until([&] { return site["a"].end().count(Kind::cancel) == 1; }, "told to stop");
  // What it says at last goes nowhere, and the next request is as any other.
  site["a"].end().reply_to_all("late");
  const std::uint32_t next = site.client->ask("next", {.milliseconds = 300});
  co_await site.until([&] { return site["a"].asked() == 2; }, "asked");
  site["a"].end().reply(site["a"].end().newest(Kind::request).head.stream);
  co_await until_answered(site, next);
  EXPECT_EQ(site.client->outcome(next), "ok");
  co_await site.sleep(1s);
  EXPECT_EQ(site.client->count(Kind::reply), 2u);
  EXPECT_EQ(site.metric("babilu_proxy_requests_refused_total", "deadline"), 1);
}
task<> run_hangs(sim::World& world) {
  WireSite site(world, {"a"}, {});
  site["a"].options.answers_cancels = false;
  co_await site.start({"a"});
  co_await site.connect();
  co_await hangs(site);
  co_await site.end();
}
TEST(Deadlines, AreKeptForABackendThatHangs) {
  sim::World world(1);
  world.run(run_hangs(world));
}

task<> each_in_time(WireSite& site) {
  struct Asked {
    std::uint32_t stream;
    Clock::duration time;
  };
  const auto began = site.now();
  std::vector<Asked> asked;
  for (const std::uint32_t milliseconds : {5000u, 300u, 0u, 2000u, 100u, 305u, 2000u}) {
    const std::uint32_t stream = site.client->ask("x", {.milliseconds = milliseconds});
    asked.push_back({stream, std::chrono::milliseconds(milliseconds)});
  }
  co_await site.until([&] { return site.client->count(Kind::reply) == 6; }, "answered");
  for (const auto& [stream, time] : asked) {
    if (time == 0s) {
      EXPECT_EQ(site.client->outcome(stream), "waiting") << "it has all the time";
      continue;
    }
    const auto took = site.client->answer(stream).at - began;
    EXPECT_GE(took, time);
    EXPECT_LE(took, time + 30ms);
  }
}
TEST(Deadlines, AreKeptInAnyOrder) {
  run_wire({"a"}, each_in_time);
}

task<> no_time_set(WireSite& site) {
  const auto began = site.now();
  const std::uint32_t stream = site.client->ask();
  co_await until_answered(site, stream);
  EXPECT_GE(site.now() - began, 30s);
  EXPECT_LE(site.now() - began, 30s + 30ms);
  EXPECT_EQ(site.client->outcome(stream), "deadline");
  EXPECT_EQ(site["a"].end().newest(Kind::request).head.value, 30'000u) << "the backend knows";
}
TEST(Deadlines, WhoSetsNoneHasTheUsualOne) {
  proxy::ProxyOptions options;
  options.link.connection.ping_after = 2s;
  options.link.connection.ping_timeout = 3s;
  run_wire({"a"}, no_time_set, options);
}

task<> own_answer(WireSite& site) {
  site["a"].answer_with(
      rpc::Reply::refuse(test::status(Code::deadline_exceeded, "as_the_test_wants", "")), 302ms);
  const std::uint32_t stream = site.client->ask("x", {.milliseconds = 300});
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "as_the_test_wants");
}
TEST(Deadlines, ABackendsOwnAnswerComesFirst) {
  run_wire({"a"}, own_answer);
}

/// A hundred requests at once, of which about a third go to one that hangs; until all have ended.
task<> ask_while_one_hangs(WireSite& site, std::uint32_t milliseconds, std::uint32_t routes = 0) {
  for (const char* host : {"b", "c"}) site[host].answer_with({});
  for (std::uint32_t i = 0; i < 100; ++i) {
    const std::uint32_t route = routes == 0 ? 0 : 1 + i % routes;
    site.client->ask("x", {.milliseconds = milliseconds, .route = route});
  }
  co_await site.until([&] { return site.client->count(Kind::reply) == 100; }, "answered");
  EXPECT_GT(site["a"].asked(), 20u);
  co_await site.sleep(2s);
  EXPECT_EQ(ejections(site, "b") + ejections(site, "c"), 0);
}

task<> short_ones(WireSite& site) {
  co_await ask_while_one_hangs(site, 999);
  EXPECT_EQ(ejections(site, "a"), 0) << "who is in a hurry tells of himself";
  EXPECT_EQ(site.metric("babilu_proxy_backend_errors_total"), 0);
}
task<> routed_ones(WireSite& site) {
  co_await ask_while_one_hangs(site, 2000, 30);
  EXPECT_EQ(ejections(site, "a"), 0) << "who chose the backend does not judge it";
}
task<> generous_ones(WireSite& site) {
  co_await ask_while_one_hangs(site, 1000);
  EXPECT_EQ(ejections(site, "a"), 1) << "that was time enough";
  EXPECT_EQ(site.metric("babilu_proxy_backend_errors_total", "a"),
            site.metric("babilu_proxy_requests_refused_total", "deadline"));
  EXPECT_GT(site.metric("babilu_proxy_backend_errors_total", "a"), 20);
}
TEST(Deadlines, CountAgainstABackendIfTheyWereGenerous) {
  run_wire({"a", "b", "c"}, short_ones);
  run_wire({"a", "b", "c"}, routed_ones);
  run_wire({"a", "b", "c"}, generous_ones);
}

task<> queued(WireSite& site) {
  constexpr std::uint16_t slow = 0x0102;
  for (const char* host : {"a", "b", "c"}) {
    site[host].answer_with({});
    site[host].end().options.delay_of[slow] = 5s;
  }
  for (int i = 0; i < 60; ++i) site.client->ask("x", {.method = slow, .milliseconds = 1000});
  co_await site.sleep(500ms);
  // The one that each is asked meanwhile; nothing is later, when the time of the others is up.
  for (int i = 0; i < 60; ++i) site.client->ask();
  co_await site.sleep(3s);
  EXPECT_EQ(site.client->count(Kind::reply), 120u);
  for (const char* host : {"a", "b", "c"}) {
    EXPECT_GT(site[host].asked(), 20u);
    EXPECT_EQ(ejections(site, host), 0) << "it had much to do, and did it";
  }
}
TEST(Deadlines, OfManyDoNotCountAgainstABackendThatAnswersOthers) {
  run_wire({"a", "b", "c"}, queued);
}

/// A request each millisecond for two seconds.
task<> ask_for_a_time(WireSite& site, WireEnd::Ask how) {
  for (int i = 0; i < 2000; ++i) {
    site.client->ask("x", how);
    co_await site.sleep(1ms);
  }
  site.client->seen.clear();
}

task<> haste_of_others(WireSite& site) {
  site["a"].answer_with(
      rpc::Reply::refuse(test::status(Code::deadline_exceeded, "as_the_test_wants", "")));
  for (const char* host : {"b", "c"}) site[host].answer_with({});
  co_await ask_for_a_time(site, {.milliseconds = 999});
  EXPECT_EQ(ejections(site, "a"), 0);
  EXPECT_EQ(site.metric("babilu_proxy_backend_errors_total"), 0);
  co_await ask_for_a_time(site, {.milliseconds = 1000});
  EXPECT_GE(ejections(site, "a"), 1);
}
TEST(Deadlines, ThatABackendSaysItselfCountTheSame) {
  run_wire({"a", "b", "c"}, haste_of_others);
}

}  // namespace
}  // namespace babilu::test
