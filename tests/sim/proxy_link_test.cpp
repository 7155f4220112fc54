// The proxy's links: which backend counts how much, what it may be sent, how it leaves and comes
// back, and what is counted of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/sim/wire_site.h"
#include "tests/support/status.h"

namespace babilu::test {
namespace {

using rpc::Code;
using wire::Kind;

task<> until_answered(WireSite& site, std::uint32_t stream) {
  co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
}

task<> until_links(WireSite& site, std::size_t links) {
  co_await site.until([&] { return site.node->proxy().links_up() == links; }, "so many links");
}

/// How many of so many requests, one after another, went to a backend.
task<std::size_t> share_of(WireSite& site, std::string host, int requests) {
  const std::size_t before = site[host].asked();
  for (int i = 0; i < requests; ++i) co_await until_answered(site, site.client->ask());
  site.client->seen.clear();
  co_return site[host].asked() - before;
}

task<> weights(WireSite& site) {
  for (const char* host : {"a", "b"}) site[host].answer_with({});
  co_await site.sleep(10s);
  EXPECT_GT(co_await share_of(site, "a", 500), 350u);
  site.apply({"a", "b weight=5"});
  EXPECT_LT(co_await share_of(site, "a", 500), 150u);
  EXPECT_EQ(site["a"].links() + site["b"].links(), 2u) << "the links stay";
}
TEST(Links, HaveTheWeightThatIsConfiguredNow) {
  run_wire({"a weight=5", "b"}, weights);
}

task<> slow_start(WireSite& site) {
  for (const char* host : {"a", "b"}) site[host].answer_with({});
  co_await site.sleep(10s);
  site["a"].answer_with({}, 200ms);
  co_await share_of(site, "a", 20);
  site["a"].answer_with({});
  site["a"].stop();
  co_await until_links(site, 1);
  site["a"].start();
  co_await until_links(site, 2);
  const std::size_t cold = co_await share_of(site, "a", 500);
  EXPECT_LT(cold, 100u) << "its caches are cold";
  EXPECT_GT(cold, 10u) << "how slow it was before says nothing";
  co_await site.sleep(10s);
  EXPECT_GT(co_await share_of(site, "a", 500), 150u);
}
TEST(Links, ABackendThatComesBackStartsSlowly) {
  run_wire({"a", "b"}, slow_start);
}

task<> comes_back(WireSite& site) {
  site["a"].stop();
  co_await until_links(site, 0);
  co_await site.sleep(10min);
  site["a"].start();
  auto began = site.now();
  co_await until_links(site, 1);
  EXPECT_LE(site.now() - began, 1s + 10ms) << "it is tried once a second at least";
  // It was up: so a short break is over soon.
  site.world.cut("proxy", "a");
  co_await until_links(site, 0);
  began = site.now();
  co_await until_links(site, 1);
  EXPECT_LE(site.now() - began, 60ms);
}
TEST(Links, AreTriedAgainAndAgain) {
  run_wire({"a"}, comes_back);
}

task<> unreachable(WireSite& site) {
  site.world.partition("proxy", "a");
  site.world.cut("proxy", "a");
  co_await until_links(site, 0);
  co_await site.sleep(1min);
  site.world.heal("proxy", "a");
  const auto began = site.now();
  co_await until_links(site, 1);
  EXPECT_LE(site.now() - began, 3s + 1s + 10ms) << "a dial without an answer is given up";
}
TEST(Links, ADialThatNobodyAnswersIsGivenUp) {
  run_wire({"a"}, unreachable);
}

task<> removed(WireSite& site) {
  for (const char* host : {"a", "b"}) site[host].options.answer = {};
  std::vector<std::uint32_t> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(site.client->ask());
  co_await site.until([&] { return site["a"].asked() + site["b"].asked() == 20; }, "asked");
  const std::size_t at_a = site["a"].asked();
  EXPECT_GT(at_a, 0u);
  site.apply({"b"});
  co_await site.sleep(1s);
  EXPECT_FALSE(site["a"].end().over) << "it has requests";
  site["a"].end().reply_to_all("of a");
  const auto began = site.now();
  co_await site.until([&] { return site["a"].end().over; }, "it is left");
  EXPECT_LE(site.now() - began, 100ms) << "as soon as they are answered";
  EXPECT_TRUE(site["a"].end().why_over.ok());
  site["b"].end().reply_to_all("of b");
  for (const std::uint32_t stream : streams) {
    co_await until_answered(site, stream);
    EXPECT_EQ(site.client->outcome(stream), "ok");
  }
  co_await site.sleep(10s);
  EXPECT_EQ(site["a"].asked(), at_a);
  EXPECT_EQ(site["a"].links(), 1u) << "it is not dialed again";
  EXPECT_EQ(site.figures("a").links_up.value(), 0);
  EXPECT_EQ(site.metric("babilu_proxy_links_up"), 1);
  EXPECT_EQ(site.metric("babilu_proxy_links_lost_total"), 0) << "nothing broke";
  EXPECT_EQ(site.logged("link lost"), 0u);
  EXPECT_TRUE(site.node->figures().services().missing().empty()) << "another offers the same";
  // And taken in again.
  site.apply({"a", "b"});
  co_await until_links(site, 2);
  EXPECT_EQ(site["a"].links(), 2u);
}
TEST(Links, ABackendThatIsTakenOutIsLeftOnceItHasAnswered) {
  run_wire({"a", "b"}, removed);
}

task<> removed_silent(WireSite& site) {
  const std::uint32_t stream = site.client->ask();
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  const auto began = site.now();
  site.apply({});
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "backend_lost");
  EXPECT_GE(site.now() - began, 7s);
  EXPECT_LE(site.now() - began, 8s + 100ms) << "and the time of a goaway";
  co_await site.until([&] { return site["a"].end().over; }, "the backend has seen that");
}
TEST(Links, ABackendThatIsTakenOutAndDoesNotAnswerIsLeftAtTheTimeout) {
  proxy::ProxyOptions options;
  options.link.leave_timeout = 7s;
  run_wire({"a"}, removed_silent, options);
}

task<> removed_while_away(WireSite& site) {
  co_await site.sleep(3s);
  site.apply({"b"});
  site["a"].start();
  co_await site.sleep(10s);
  EXPECT_EQ(site["a"].links(), 0u);
  EXPECT_EQ(site.node->proxy().links(), 1u);
}
TEST(Links, ABackendThatIsTakenOutWhileItIsAwayIsDialedNoMore) {
  run_wire_unstarted({"a", "b"}, removed_while_away);
}

task<> removed_while_dialed(sim::World& world) {
  WireSite site(world, {"a"}, {});
  site["a"].start();
  co_await site.sleep(200us);
  EXPECT_EQ(site["a"].links(), 0u);
  site.apply({});
  co_await site.sleep(1s);
  EXPECT_EQ(site["a"].links(), 1u) << "the dial was under way";
  if (site["a"].links() == 1) EXPECT_TRUE(site["a"].end().over) << "and leads to no link";
  EXPECT_EQ(site.metric("babilu_proxy_links_up"), 0);
  co_await site.end();
}
TEST(Links, ABackendThatIsTakenOutWhileItIsDialedIsLeft) {
  sim::World world(1);
  world.run(removed_while_dialed(world));
}

task<> frame_limits(WireSite& site, std::string most_host, std::string least_host) {
  site[least_host].options.connection.limits.frame = 4096;
  for (const char* host : {"a", "b"}) site[host].options.answer = rpc::Reply();
  const std::string large(5000, 'x');
  co_await site.start({most_host});
  const std::uint32_t passes = site.client->ask(large);
  co_await until_answered(site, passes);
  EXPECT_EQ(site.client->outcome(passes), "ok");
  co_await site.start({least_host});
  // Any backend may get any request, so the least limit holds; exactly, with the proxy's bytes.
  const std::uint32_t refused = site.client->ask(large);
  co_await until_answered(site, refused);
  EXPECT_EQ(site.client->outcome(refused), "request_too_large");
  EXPECT_EQ(site.client->answer(refused).status.code, Code::invalid_argument);
  std::size_t most = 0;
  for (std::size_t size = 4040; size <= 4096; ++size) {
    const std::uint32_t stream = site.client->ask(std::string(size, 'x'));
    co_await until_answered(site, stream);
    if (site.client->outcome(stream) == "ok") most = size;
  }
  const std::size_t hop = site[most_host].end().nth(Kind::request, 0).head.hop;
  EXPECT_EQ(most, 4096 - hop);
  site[least_host].stop();
  co_await until_links(site, 1);
  const std::uint32_t again = site.client->ask(large);
  co_await until_answered(site, again);
  EXPECT_EQ(site.client->outcome(again), "ok");
}
// In the order of the configuration the least may be the first or the last.
task<> least_last(WireSite& site) {
  co_await frame_limits(site, "a", "b");
}
task<> least_first(WireSite& site) {
  co_await frame_limits(site, "b", "a");
}
/// Breaks the link, and waits for the next one.
task<> break_link(WireSite& site) {
  const std::size_t links = site["a"].links();
  site["a"].end().abort();
  co_await site.until(
      [&] { return site["a"].links() > links && site.node->proxy().links_up() == 1; }, "up again");
}

task<> flapping(WireSite& site) {
  const std::size_t before = site["a"].links();
  for (const auto end = site.now() + 10s; site.now() < end;) co_await break_link(site);
  EXPECT_LE(site["a"].links() - before, 60u);
  co_await site.sleep(5s);
  const auto broken = site.now();
  co_await break_link(site);
  EXPECT_LE(site.now() - broken, 200ms) << "one that has stayed is dialed soon";
}
TEST(Links, WhoSendsUsAwayAtOnceIsNotDialedAtOnce) {
  run_wire({"a"}, flapping);
}

task<> smaller_meanwhile(WireSite& site) {
  site["b"].options.connection.limits.frame = 4096;
  for (const char* host : {"a", "b"}) site[host].options.answer = rpc::Reply();
  site["a"].options.answer.reset();
  const std::string large(5000, 'x');
  const std::uint32_t waited = site.client->ask(large);
  co_await site.start({"b"});
  co_await until_answered(site, waited);
  EXPECT_EQ(site.client->outcome(waited), "request_too_large") << "it came while there was none";
  site["b"].stop();
  co_await until_links(site, 0);
  co_await site.start({"a"});
  const std::uint32_t sent = site.client->ask_retryable(large);
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  co_await site.start({"b"});
  site["a"].stop();
  co_await until_answered(site, sent);
  EXPECT_EQ(site.client->outcome(sent), "backend_lost");
  const std::uint32_t small = site.client->ask();
  co_await until_answered(site, small);
  EXPECT_EQ(site.client->outcome(small), "ok");
  EXPECT_EQ(site["b"].links(), 2u) << "none was broken by a frame that is too large";
}
TEST(Links, WhatWaitedOrIsSentAgainMustFitToo) {
  proxy::ProxyOptions options;
  options.relay.wait_for_backend = 10s;
  run_wire_unstarted({"a", "b"}, smaller_meanwhile, options);
}

TEST(Links, TheLeastFrameLimitHolds) {
  run_wire_unstarted({"a", "b"}, least_last);
  run_wire_unstarted({"a", "b"}, least_first);
}

task<> asks_back(WireSite& site) {
  WireEnd& backend = site["a"].end();
  const std::uint32_t stream = backend.ask();
  co_await site.until([&] { return backend.answer_to(stream) != nullptr; }, "answered");
  EXPECT_EQ(backend.outcome(stream), "not_served");
  EXPECT_EQ(site.node->proxy().links_up(), 1u);
}
TEST(Links, ABackendCannotAskTheProxy) {
  run_wire({"a"}, asks_back);
}

task<> hangs_up(WireSite& site) {
  // Takes connections and breaks them before it has said anything.
  auto listener = site.world.host("a").listen({"a", 7401}).value();
  for (int i = 0; i < 5; ++i) {
    auto stream = co_await listener->accept();
    stream.value()->close();
    co_await site.sleep(10ms);
    EXPECT_EQ(site.metric("babilu_proxy_links_up"), 0);
    EXPECT_EQ(site.figures("a").links_up.value(), 0);
  }
  int dials = 0;
  for (const auto end = site.now() + 10s; site.now() < end; ++dials) {
    auto stream = co_await listener->accept();
    if (stream) (*stream)->close();
  }
  EXPECT_LT(dials, 60) << "it is tried less and less often";
  listener->close();
  co_await site.start({"a"});
  EXPECT_EQ(site.metric("babilu_proxy_links_up"), 1);
  EXPECT_EQ(site.figures("a").links_up.value(), 1);
  EXPECT_EQ(site.logged("link up"), 1u);
}
TEST(Links, OneThatNeverGreetedWasNeverUp) {
  run_wire_unstarted({"a"}, hangs_up);
}

task<> counted(WireSite& site) {
  WireEnd& backend = site["a"].end();
  const std::uint32_t first = site.client->ask("12345");
  const std::uint32_t second = site.client->ask_retryable("123");
  co_await site.until([&] { return site["a"].asked() == 2; }, "asked");
  const wire::Header requests[] = {backend.nth(Kind::request, 0).head,
                                   backend.nth(Kind::request, 1).head};
  EXPECT_EQ(site.figures("a").in_flight.value(), 2);
  const std::size_t hops = requests[0].hop + std::size_t{requests[1].hop};
  EXPECT_EQ(site.figures("a").bytes_sent.value(), 2 * 24 + hops + 8);
  co_await site.sleep(50ms);
  backend.reply(requests[0].stream, "1234567");
  backend.refuse(requests[1].stream, Code::not_found);
  co_await until_answered(site, second);
  co_await until_answered(site, first);
  const std::size_t refusal = site.client->answer(second).payload.size();
  EXPECT_EQ(site.figures("a").in_flight.value(), 0);
  EXPECT_EQ(site.figures("a").bytes_received.value(), 24 + 7 + 24 + refusal);
  EXPECT_EQ(site.figures("a").requests.value(), 2u);
  EXPECT_EQ(site.figures("a").errors.value(), 0u) << "the caller's mistake is not the backend's";
  EXPECT_EQ(site.metric("babilu_proxy_requests_total"), 2);
  EXPECT_EQ(site.metric("babilu_proxy_request_errors_total"), 1);
  const auto latency = site.figures("a").latency.snapshot();
  EXPECT_EQ(latency.count(), 2u);
  EXPECT_GE(latency.max(), 50'000'000u);
  EXPECT_LE(latency.max(), 60'000'000u);

  // One that is lost is under way no more, and counts as no answer.
  const std::uint32_t lost = site.client->ask();
  co_await site.until([&] { return site.figures("a").in_flight.value() == 1; }, "under way");
  site["a"].stop();
  co_await until_answered(site, lost);
  co_await site.until([&] { return site.figures("a").in_flight.value() == 0; }, "no more");
  EXPECT_EQ(site.figures("a").requests.value(), 2u);
  EXPECT_EQ(site.metric("babilu_proxy_links_lost_total"), 1);
  EXPECT_EQ(site.metric("babilu_proxy_requests_refused_total", "backend_lost"), 1);
}
TEST(Figures, SayWhatPassed) {
  run_wire({"a"}, counted);
}

task<> faults(WireSite& site) {
  std::set<int> blamed;
  double errors = 0;
  for (int code = 0; code <= 16; ++code) {
    rpc::Reply reply;
    reply.status = test::status(static_cast<Code>(code), code == 0 ? "" : "as_the_test_wants");
    site["a"].answer_with(reply);
    co_await until_answered(site, site.client->ask());
    const double now = site.metric("babilu_proxy_backend_errors_total");
    if (now > errors) blamed.insert(code);
    errors = now;
  }
  EXPECT_EQ(blamed, (std::set<int>{
                        static_cast<int>(Code::unknown), static_cast<int>(Code::deadline_exceeded),
                        static_cast<int>(Code::internal), static_cast<int>(Code::unavailable),
                        static_cast<int>(Code::data_loss)}));
  EXPECT_EQ(site.metric("babilu_proxy_request_errors_total"), 16);
  EXPECT_EQ(site.metric("babilu_proxy_requests_total"), 17);
}
TEST(Figures, BlameABackendForItsOwnFailuresOnly) {
  run_wire({"a"}, faults);
}

task<> services(WireSite& site) {
  const auto& board = site.node->figures().services();
  const auto missing = [&] { return board.missing(); };
  EXPECT_EQ(missing(), std::vector<std::string>()) << "nothing was there to be missed";
  site["a"].options.services = {1, 2};
  site["b"].options.services = {2};
  co_await site.start({"a", "b"});
  EXPECT_EQ(missing(), std::vector<std::string>());
  site["a"].stop();
  co_await until_links(site, 1);
  EXPECT_EQ(missing(), std::vector<std::string>{"s1 of a"});
  site["b"].stop();
  co_await until_links(site, 0);
  EXPECT_EQ(missing().size(), 2u);
  site["a"].start();
  co_await until_links(site, 1);
  EXPECT_EQ(missing(), std::vector<std::string>());
}
TEST(Figures, SayWhichServicesAreMissing) {
  run_wire_unstarted({"a", "b"}, services);
}

task<> taken_out(WireSite& site) {
  using Names = std::vector<std::string>;
  const auto& board = site.node->figures().services();
  site["a"].options.services = {1, 2};
  site["b"].options.services = {2};
  co_await site.start({"a", "b"});
  site["a"].stop();
  co_await until_links(site, 1);
  EXPECT_EQ(board.missing(), Names{"s1 of a"}) << "its backend is down";
  // It comes back without the service, as somebody has configured it.
  site["a"].options.services = {2};
  site["a"].start();
  co_await until_links(site, 2);
  EXPECT_EQ(board.missing(), Names());
  site["a"].stop();
  co_await until_links(site, 1);
  EXPECT_EQ(board.missing(), Names()) << "nor is it any more when that backend is down";

  // With it again; then the backend is taken out, while it is there and while it is down.
  for (const bool down : {false, true}) {
    site.apply({"a", "b"});
    site["a"].options.services = {1, 2};
    site["a"].start();
    co_await until_links(site, 2);
    if (down) {
      site["a"].stop();
      co_await until_links(site, 1);
      EXPECT_EQ(board.missing(), Names{"s1 of a"});
    }
    site.apply({"b"});
    co_await site.sleep(1s);
    EXPECT_EQ(board.missing(), Names()) << down;
    site["b"].stop();
    co_await until_links(site, 0);
    EXPECT_EQ(board.missing().size(), 1u) << "nobody is left with the other";
    site["b"].start();
    co_await until_links(site, 1);
    if (!down) site["a"].stop();
  }
}
TEST(Figures, AServiceThatIsTakenOutIsNotMissing) {
  run_wire_unstarted({"a", "b"}, taken_out);
}

task<> access_log(WireSite& site) {
  site["a"].answer_with(rpc::Reply::of(Bytes(100)));
  co_await until_answered(site, site.client->ask());
  EXPECT_EQ(site.logged("request client="), 0u) << "none by default";
  site.node->observer().set_access_log(3);
  for (int i = 0; i < 9; ++i) co_await until_answered(site, site.client->ask());
  EXPECT_EQ(site.logged("request client=client:"), 3u) << "one of three";
  site.node->observer().set_access_log(1);
  co_await until_answered(site, site.client->ask("x", {.method = 0x0105}));
  EXPECT_EQ(site.logged("method=261"), 1u);
  EXPECT_EQ(site.logged("backend=a:7401 sends=1 reply_bytes=100"), 4u);
  const std::uint32_t refused = site.client->ask("x", {.method = 0x0905});
  co_await until_answered(site, refused);
  EXPECT_EQ(site.logged("method=2309 status=unimplemented"), 1u) << "what it refuses as well";
  const std::string id = site.client->answer(refused).status.request_id;
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(site.logged("request_id=" + id), 1u) << "by the name that its client was told";
  rpc::Status no = test::status(rpc::Code::not_found, "nobody");
  no.request_id = "0123456789abcdef";
  site["a"].answer_with(rpc::Reply::refuse(no));
  co_await until_answered(site, site.client->ask("x", {.method = 0x0106}));
  EXPECT_EQ(site.logged("request_id=0123456789abcdef"), 1u) << "and what a backend refuses";

  // A stream that the proxy breaks off is written once, whatever the backend says to it later.
  site["a"].end().options.answer = {};
  const std::uint32_t stream = site.client->ask("x", {.method = 0x0107});
  co_await site.until(
      [&] {
        return !site["a"].end().seen.empty() && site["a"].end().seen.back().head.method == 0x0107;
      },
      "asked");
  site.client->item(stream, rpc::default_credit);
  site.client->item(stream, 1);
  co_await until_answered(site, stream);
  co_await site.until([&] { return site["a"].end().count(Kind::cancel) == 1; }, "cancelled");
  co_await site.sleep(10ms);
  EXPECT_EQ(site.logged("method=263"), 1u);
  // And says nothing of the next.
  site["a"].answer_with({});
  co_await until_answered(site, site.client->ask("x", {.method = 0x0108}));
  EXPECT_EQ(site.logged("method=264 status=ok"), 1u);
}
TEST(Figures, TheAccessLogHasOneOfSoMany) {
  run_wire({"a"}, access_log);
}

std::size_t series(WireSite& site, std::string_view name) {
  std::size_t shown = 0;
  for (const auto& family : site.node->metrics().snapshot()) {
    if (family.name == name) shown = family.series.size();
  }
  return shown;
}

std::vector<std::string> names(int from, int to) {
  std::vector<std::string> made;
  for (int i = from; i < to; ++i) made.push_back("h" + std::to_string(i));
  return made;
}

task<> other_names(WireSite& site) {
  const std::size_t most = 1000;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> hosts = names(600 * round, 600 * (round + 1));
    hosts.emplace_back("a");
    site.apply(hosts);
    co_await site.sleep(5s);
    EXPECT_EQ(site.node->proxy().links(), 601u);
    EXPECT_EQ(series(site, "babilu_proxy_backend_requests_total"), 601u)
        << "no more than there are";
  }
  // More than are shown: all serve.
  site.apply(names(0, 1200));
  co_await site.sleep(5s);
  EXPECT_EQ(site.node->proxy().links(), 1200u);
  EXPECT_EQ(series(site, "babilu_proxy_backend_requests_total"), most);
  EXPECT_GT(site.metric("babilu_metrics_series_left_out"), 0);
  site.apply({"a"});
  co_await site.sleep(5s);
  EXPECT_EQ(series(site, "babilu_proxy_backend_requests_total"), 1u);
  EXPECT_EQ(site.metric("babilu_metrics_series_left_out"), 0);
  site["a"].end().options.answer = rpc::Reply();
  const std::uint32_t stream = site.client->ask();
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "ok");
  EXPECT_EQ(site.metric("babilu_proxy_backend_requests_total", "a"), 1);
}
TEST(Figures, AreThereForBackendsThatAreThere) {
  run_wire({"a"}, other_names);
}

TEST(Links, CausesThatTakeTurnsAreSaidOnceEach) {
  proxy::DownCause cause;
  EXPECT_TRUE(cause.set("refused"));
  EXPECT_TRUE(cause.set("silent"));
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_FALSE(cause.set("refused"));
    EXPECT_EQ(cause.get(), "refused");
    EXPECT_FALSE(cause.set("silent"));
  }
  cause.clear();
  EXPECT_EQ(cause.get(), "");
  EXPECT_TRUE(cause.set("refused")) << "it was up meanwhile";
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(cause.set(std::to_string(i)));
}

task<> why_down(WireSite& site) {
  co_await site.sleep(20s);
  EXPECT_EQ(site.logged("backend is down"), 1u) << "once, not at each try";
  EXPECT_THAT(site.figures("a").down_cause.get(), ::testing::Not(::testing::IsEmpty()));
  co_await site.start({"a"});
  EXPECT_EQ(site.figures("a").down_cause.get(), "");
  site["a"].stop();
  co_await until_links(site, 0);
  EXPECT_THAT(site.figures("a").down_cause.get(), ::testing::Not(::testing::IsEmpty()));
  co_await site.sleep(20s);
  EXPECT_EQ(site.logged("link lost"), 1u);
  EXPECT_EQ(site.logged("backend is down"), 2u);
}
TEST(Links, WhyABackendIsDownIsSaidOnce) {
  run_wire_unstarted({"a"}, why_down);
}

/// Takes connections, and ends each at once.
task<> close_each(std::shared_ptr<net::Listener> listener) {
  for (;;) {
    const auto stream = co_await listener->accept();
    if (!stream) co_return;
  }
}

task<> causes_in_turn(WireSite& site) {
  constexpr int rounds = 100;
  std::set<std::string> causes;
  for (int i = 0; i < rounds; ++i) {
    const std::shared_ptr<net::Listener> listener = *site.world.host("a").listen({"a", 7401});
    site.scope.spawn("close each", close_each(listener));
    co_await site.sleep(100ms);
    causes.insert(site.figures("a").down_cause.get());
    listener->close();
    co_await site.sleep(100ms);
    causes.insert(site.figures("a").down_cause.get());
  }
  EXPECT_GE(causes.size(), 2u) << "each is shown in its turn";
  EXPECT_GE(site.logged("backend is down"), 2u);
  EXPECT_LE(site.logged("backend is down"), causes.size()) << "each is said once";
  co_await site.start({"a"});
  EXPECT_EQ(site.figures("a").down_cause.get(), "");
}
TEST(Links, CausesThatComeInTurnDoNotFillTheLog) {
  proxy::ProxyOptions options;
  options.link.backoff_min = options.link.backoff_max = 20ms;
  run_wire_unstarted({"a"}, causes_in_turn, options);
}

task<> quiet_after_large_frames(WireSite& site) {
  site["a"].answer_with(rpc::Reply::of(Bytes(130'000, 1)));
  for (int i = 0; i < 5; ++i) {
    const std::uint32_t stream = site.client->ask(std::string(130'000, 'x'));
    co_await until_answered(site, stream);
    EXPECT_EQ(site.client->outcome(stream), "ok");
  }
  for (int i = 0; i < 60; ++i) {
    co_await site.sleep(1s);
    EXPECT_EQ(site["a"].links(), 1u) << i;
  }
  EXPECT_EQ(site.logged("no_pong"), 0u);
}
proxy::ProxyOptions with_quick_pings() {
  proxy::ProxyOptions options;
  options.link.connection.ping_after = 2s;
  options.link.connection.ping_timeout = 3s;
  return options;
}
TEST(Links, StayWhenTheyAreQuietAfterLargeFrames) {
  run_wire({"a"}, quiet_after_large_frames, with_quick_pings());
}

task<> stopped(WireSite& site) {
  for (const auto pause : {1s, 4s, 10s, 60s, 3600s}) {
    for (const auto after : {0ms, 1500ms, 2500ms}) {
      const std::uint32_t stream = site.client->ask("x", {.milliseconds = 7'200'000});
      co_await site.sleep(after);
      site.world.stand_still(pause);
      co_await site.sleep(10s);
      site["a"].end().reply_to_all();
      co_await until_answered(site, stream);
      EXPECT_EQ(site.client->outcome(stream), "ok") << pause.count();
    }
  }
  EXPECT_EQ(site["a"].links(), 1u);
  EXPECT_FALSE(site.client->over);
}
TEST(Links, StayWhenTheProcessWasStopped) {
  run_wire({"a"}, stopped, with_quick_pings());
}

task<> comes_and_goes(WireSite& site) {
  const auto end = site.now() + 20s;
  int times = 0;
  for (; site.now() < end; ++times) {
    const std::size_t before = site["a"].links();
    site["a"].end().abort();
    co_await site.until([&] { return site["a"].links() > before && site["a"].end().greeted; },
                        "up");
  }
  EXPECT_GT(times, 35);
  EXPECT_LE(site.logged("link lost"), 30u);
  EXPECT_LE(site.logged("link up"), 30u);
}
TEST(Links, OneThatComesAndGoesDoesNotFillTheLog) {
  run_wire({"a"}, comes_and_goes);
}

}  // namespace
}  // namespace babilu::test
