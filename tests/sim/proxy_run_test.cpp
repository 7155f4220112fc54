// Which backend gets what comes in one burst: short requests in runs, and what no run may take.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/sim/wire_site.h"

namespace babilu::test {
namespace {

using rpc::Code;
using wire::Kind;

/// Which of the two backends has had a request with this payload.
std::string place_of(WireSite& site, const std::string& payload) {
  for (const char* host : {"a", "b"}) {
    const auto requests = site[host].end().requests();
    if (std::ranges::find(requests, payload) != requests.end()) return host;
  }
  return "nowhere";
}

/// Both backends are known to be quick, and beyond their slow start.
task<> settle(WireSite& site) {
  for (const char* host : {"a", "b"}) site[host].answer_with({}, 300us);
  co_await site.sleep(10s);
  for (int i = 0; i < 50; ++i) {
    site.client->ask();
    co_await site.sleep(1ms);
  }
  co_await site.sleep(5ms);
  for (const char* host : {"a", "b"}) site[host].end().seen.clear();
}

task<std::vector<std::string>> burst(WireSite& site, int requests) {
  static int number = 0;
  const int first = number;
  std::vector<std::uint32_t> streams;
  for (int i = 0; i < requests; ++i) {
    streams.push_back(site.client->ask("burst " + std::to_string(number++)));
  }
  co_await site.until([&] { return site.client->answer_to(streams.back()) != nullptr; }, "done");
  co_await site.sleep(5ms);
  std::vector<std::string> places;
  for (int i = 0; i < requests; ++i) {
    EXPECT_EQ(site.client->outcome(streams[static_cast<std::size_t>(i)]), "ok");
    places.push_back(place_of(site, "burst " + std::to_string(first + i)));
  }
  co_return places;
}

task<> long_burst(WireSite& site) {
  co_await settle(site);
  std::set<std::string> places;
  int changes = 0;
  for (int round = 0; round < 4; ++round) {
    const auto of_burst = co_await burst(site, 64);
    for (std::size_t i = 0; i < of_burst.size(); ++i) {
      places.insert(of_burst[i]);
      if (i > 0 && of_burst[i] != of_burst[i - 1]) {
        EXPECT_EQ(i % 16, 0u);
        ++changes;
      }
    }
  }
  EXPECT_EQ(places.size(), 2u);
  EXPECT_GE(changes, 3) << "of twelve possible ones";
}
TEST(Run, HasAnEnd) {
  run_wire({"a", "b"}, long_burst);
}

task<> one_by_one(WireSite& site) {
  co_await settle(site);
  std::string before;
  int streak = 0, longest = 0;
  for (int i = 0; i < 200; ++i) {
    const auto place = co_await burst(site, 1);
    streak = place[0] == before ? streak + 1 : 1;
    before = place[0];
    longest = std::max(longest, streak);
  }
  EXPECT_LT(longest, 14) << "each is a choice of its own";
}
TEST(Run, IsOfWhatComesTogether) {
  run_wire({"a", "b"}, one_by_one);
}

task<> routes_in_a_burst(WireSite& site) {
  co_await settle(site);
  std::map<std::uint32_t, std::string> homes;
  for (std::uint32_t route = 1; route <= 20; ++route) {
    const std::string payload = "alone " + std::to_string(route);
    const std::uint32_t stream = site.client->ask(payload, {.route = route});
    co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
    homes[route] = place_of(site, payload);
  }
  std::uint32_t last = 0;
  for (std::uint32_t route = 1; route <= 20; ++route) {
    site.client->ask("of no route");
    last = site.client->ask("together " + std::to_string(route), {.route = route});
  }
  co_await site.until([&] { return site.client->answer_to(last) != nullptr; }, "answered");
  co_await site.sleep(5ms);
  std::set<std::string> places;
  for (const auto& [route, home] : homes) {
    EXPECT_EQ(place_of(site, "together " + std::to_string(route)), home) << route;
    places.insert(home);
  }
  EXPECT_EQ(places.size(), 2u);
}
TEST(Run, TakesNoRequestAwayFromItsRoute) {
  run_wire({"a", "b"}, routes_in_a_burst);
}

task<> little_room(WireSite& site) {
  for (const char* host : {"a", "b"}) site[host].options.connection.limits.streams = 4;
  co_await site.start({"a", "b"});
  co_await settle(site);
  for (int round = 0; round < 10; ++round) {
    const auto places = co_await burst(site, 8);
    EXPECT_EQ(std::ranges::count(places, "a"), 4);
    EXPECT_EQ(std::ranges::count(places, "b"), 4);
  }
}
TEST(Run, EndsWhereThereIsNoMoreRoom) {
  run_wire_unstarted({"a", "b"}, little_room);
}

task<> other_method(WireSite& site) {
  constexpr std::uint16_t slow = 0x0102;
  co_await settle(site);
  for (const char* host : {"a", "b"}) site[host].end().options.delay_of[slow] = 20ms;
  std::uint32_t last = 0;
  for (int i = 0; i < 20; ++i) {
    last = site.client->ask("x", {.method = slow});
    co_await site.sleep(1ms);
  }
  co_await site.until([&] { return site.client->answer_to(last) != nullptr; }, "it is known");
  for (int round = 0; round < 5; ++round) {
    for (const char* host : {"a", "b"}) site[host].end().seen.clear();
    site.client->ask("short");
    for (int i = 0; i < 8; ++i) last = site.client->ask("long", {.method = slow});
    co_await site.until([&] { return site.client->answer_to(last) != nullptr; }, "answered");
    co_await site.sleep(30ms);
    for (const char* host : {"a", "b"}) {
      EXPECT_GE(std::ranges::count(site[host].end().requests(), "long"), 2) << host;
    }
  }
}
TEST(Run, IsOfOneMethod) {
  run_wire({"a", "b"}, other_method);
}

task<> refused_by_its_backend(WireSite& site) {
  site["a"].options.connection.limits.streams = 2;
  site["b"].options.connection.limits.streams = 1;
  co_await site.start({"a"});
  const std::uint32_t first = site.client->ask("first");
  site.client->ask_retryable("second");
  co_await site.until([&] { return site["a"].asked() == 2; }, "two are at a");
  co_await site.start({"b"});
  site.client->ask("third");
  co_await site.until([&] { return site["b"].asked() == 1; }, "one is at b");
  site.client->ask("fourth");
  co_await site.sleep(5ms);
  // In one write: the fourth takes the place of the first, and the second must go elsewhere.
  WireEnd& a = site["a"].end();
  a.reply(a.nth(Kind::request, 0).head.stream);
  a.refuse(a.nth(Kind::request, 1).head.stream, Code::unavailable, true);
  co_await site.until([&] { return site.client->answer_to(first) != nullptr; }, "answered");
  co_await site.sleep(5ms);
  EXPECT_EQ(a.requests(), (std::vector<std::string>{"first", "second", "fourth"}));
}
TEST(Run, TakesNothingThatItsBackendHasRefused) {
  run_wire_unstarted({"a", "b"}, refused_by_its_backend);
}

}  // namespace
}  // namespace babilu::test
