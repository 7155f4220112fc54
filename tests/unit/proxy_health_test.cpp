// What makes a proxy give a backend less work, or none.
#include <gtest/gtest.h>

#include <set>

#include "roles/proxy/backend.h"
#include "roles/proxy/health.h"
#include "roles/proxy/latency.h"

namespace babilu::proxy {
namespace {

using namespace std::chrono_literals;

constexpr Clock::time_point start{1h};

TEST(Health, FaultsInARowAskForEjection) {
  Health health({.failures = 3});
  for (const bool fault : {true, true, false, true, true}) health.on_reply(fault);
  EXPECT_FALSE(health.asks_for_ejection());
  health.on_reply(true);
  EXPECT_TRUE(health.asks_for_ejection());
}

TEST(Health, SlownessCountsWhenItLastsAndMatters) {
  Health health({.slow_factor = 4, .slow_floor = 10ms, .slow_reviews = 3});
  health.on_review(9, 20ms);
  health.on_review(9, 20ms);
  health.on_review(2, 20ms);
  health.on_review(9, 20ms);
  health.on_review(9, 1ms);  // nine times nothing is nothing
  health.on_review(9, 20ms);
  health.on_review(9, 20ms);
  EXPECT_FALSE(health.asks_for_ejection());
  health.on_review(9, 20ms);
  EXPECT_TRUE(health.asks_for_ejection());
}

TEST(Health, AnEjectionSettlesWhatAskedForIt) {
  Health failing({.failures = 2});
  failing.on_reply(true);
  failing.on_reply(true);
  EXPECT_TRUE(failing.asks_for_ejection());
  failing.eject(start);
  EXPECT_FALSE(failing.asks_for_ejection()) << "it is tried again before it is blamed again";
  failing.on_reply(true);
  EXPECT_FALSE(failing.asks_for_ejection());

  Health slow({.slow_reviews = 2});
  slow.on_review(9, 20ms);
  slow.on_review(9, 20ms);
  EXPECT_TRUE(slow.asks_for_ejection());
  slow.eject(start);
  EXPECT_FALSE(slow.asks_for_ejection());
  slow.on_review(9, 20ms);
  EXPECT_FALSE(slow.asks_for_ejection());
}

TEST(Health, EjectionsGetLongerAndAreForgotten) {
  Health health({.ejection = 2s, .longest_ejection = 5s});
  health.eject(start);
  EXPECT_TRUE(health.ejected(start + 1999ms));
  EXPECT_FALSE(health.ejected(start + 2s));
  EXPECT_FALSE(health.asks_for_ejection());
  health.eject(start + 3s);
  EXPECT_TRUE(health.ejected(start + 6999ms));
  EXPECT_FALSE(health.ejected(start + 7s));
  health.eject(start + 8s);
  EXPECT_TRUE(health.ejected(start + 12999ms));
  EXPECT_FALSE(health.ejected(start + 13s));
  health.eject(start + 2h);
  EXPECT_FALSE(health.ejected(start + 2h + 2s));
}

TEST(Health, ANewBackendStartsSlowly) {
  Health health({.slow_start = 10s});
  health.on_link_up(start);
  EXPECT_DOUBLE_EQ(health.share(start), 0.1);
  EXPECT_DOUBLE_EQ(health.share(start + 5s), 0.5);
  EXPECT_DOUBLE_EQ(health.share(start + 10s), 1);
  health.eject(start + 20s);
  EXPECT_DOUBLE_EQ(health.share(start + 22s), 0.1);
}

TEST(Latencies, JumpUpAndComeDownSlowly) {
  Latencies latencies;
  constexpr std::uint16_t echo = 0x0101;
  constexpr std::uint16_t sign_up = 0x0201;
  latencies.record(echo, 1ms, start);
  latencies.record(sign_up, 200ms, start);
  EXPECT_DOUBLE_EQ(latencies.seconds(echo, start), 0.001);
  latencies.record(echo, 50ms, start);
  EXPECT_DOUBLE_EQ(latencies.seconds(echo, start), 0.05);
  latencies.record(echo, 1ms, start);
  EXPECT_DOUBLE_EQ(latencies.seconds(echo, start), 0.05);
  latencies.record(echo, 1ms, start + 2s);
  EXPECT_NEAR(latencies.seconds(echo, start + 2s), 0.001 + 0.049 * 0.36788, 1e-6);
  EXPECT_DOUBLE_EQ(latencies.seconds(sign_up, start), 0.2);
  EXPECT_LT(latencies.seconds(sign_up, start + 60s), 0.001);
}

TEST(Health, ANewLinkForgetsWhatWasBefore) {
  Health health({.failures = 3, .slow_factor = 4, .slow_floor = 10ms, .slow_reviews = 2});
  for (int i = 0; i < 2; ++i) health.on_reply(true);
  health.on_review(9, 20ms);
  health.on_link_up(start);
  health.on_reply(true);
  health.on_review(9, 20ms);
  EXPECT_FALSE(health.asks_for_ejection());
  health.on_review(9, 20ms);
  EXPECT_TRUE(health.asks_for_ejection());
}

TEST(Health, AnEjectionIsForWhatWasBefore) {
  Health health({.failures = 2, .slow_reviews = 1});
  health.on_reply(true);
  health.on_reply(true);
  health.on_review(9, 20ms);
  EXPECT_TRUE(health.asks_for_ejection());
  health.eject(start);
  EXPECT_FALSE(health.asks_for_ejection());
  health.on_reply(true);
  EXPECT_FALSE(health.asks_for_ejection());
}

TEST(Health, SlowIsFromTheFactorAndFromTheFloor) {
  const HealthOptions options{.slow_factor = 4, .slow_floor = 10ms, .slow_reviews = 1};
  const auto asks = [&](double times, Clock::duration mean) {
    Health health(options);
    health.on_review(times, mean);
    return health.asks_for_ejection();
  };
  EXPECT_TRUE(asks(4, 10ms));
  EXPECT_FALSE(asks(3.9, 10ms));
  EXPECT_FALSE(asks(4, 9999us));
  EXPECT_FALSE(asks(0, 1h)) << "nothing to compare it with";
}

TEST(Health, IsForgivenAfterTenTimesAsLong) {
  const auto second_ejection = [](Clock::duration good) {
    Health health({.ejection = 2s, .longest_ejection = 60s});
    health.eject(start);
    const auto again = start + 2s + good;
    health.eject(again);
    return health.ejected(again + 3s) ? 4s : 2s;
  };
  EXPECT_EQ(second_ejection(20s), 4s);
  EXPECT_EQ(second_ejection(21s), 2s);
}

TEST(Health, ASlowStartMayBeTurnedOff) {
  Health health({.slow_start = 0s});
  health.on_link_up(start);
  EXPECT_DOUBLE_EQ(health.share(start), 1);
}

TEST(Health, WhileItIsOutItsShareIsTheLeast) {
  Health health({.ejection = 2s, .slow_start = 10s});
  health.eject(start);
  EXPECT_DOUBLE_EQ(health.share(start), 0.1);
  EXPECT_DOUBLE_EQ(health.share(start + 4s), 0.2);
}

TEST(Latencies, FadeAtOneRateHoweverOftenOneLooks) {
  Latencies latencies;
  constexpr std::uint16_t echo = 0x0101;
  latencies.record(echo, 100ms, start);
  // Within 200 ms by the first term, later exactly: e^(-t/2 s) to a hundredth.
  for (const auto& [after, left] :
       {std::pair(0ms, 0.1), std::pair(199ms, 0.0905), std::pair(201ms, 0.0905),
        std::pair(2000ms, 0.0368), std::pair(4000ms, 0.0135)}) {
    EXPECT_NEAR(latencies.seconds(echo, start + after), left, 0.001) << after.count();
  }
  latencies.record(echo, 20ms, start + 100ms);
  EXPECT_NEAR(latencies.seconds(echo, start + 100ms), 0.02 + 0.08 * 0.9524, 1e-5);
  latencies.forget();
  EXPECT_EQ(latencies.seconds(echo, start + 100ms), 0);
}

/// The one place in which a method is counted.
std::size_t place_of(std::uint16_t method) {
  Latencies latencies;
  latencies.record(method, 1ms, start);
  for (std::size_t place = 0; place < Latencies::size; ++place) {
    if (latencies.window(place).count == 1) return place;
  }
  return Latencies::size;
}

TEST(Latencies, MethodsOfAServiceAndOfItsNeighbourAreApart) {
  std::set<std::size_t> places;
  for (std::uint16_t service = 1; service <= 5; ++service) {
    for (std::uint16_t number = 0; number < 8; ++number) {
      places.insert(place_of(static_cast<std::uint16_t>(service * 256 + number)));
    }
  }
  EXPECT_EQ(places.size(), 5u * 8);
  EXPECT_LT(place_of(0xffff), Latencies::size);
}

TEST(Latencies, AWindowIsThePlainMeanSinceItBegan) {
  Latencies latencies;
  const std::size_t place = place_of(0x0101);
  for (const auto latency : {10ms, 20ms, 60ms}) latencies.record(0x0101, latency, start);
  EXPECT_EQ(latencies.window(place).count, 3u);
  EXPECT_DOUBLE_EQ(latencies.window(place).mean(), 0.03);
  latencies.begin_window();
  EXPECT_EQ(latencies.window(place).count, 0u);
  EXPECT_EQ(latencies.window(place).mean(), 0);
  EXPECT_DOUBLE_EQ(latencies.seconds(0x0101, start), 0.06) << "the average goes on";
  latencies.record(0x0101, 5ms, start);
  EXPECT_DOUBLE_EQ(latencies.window(place).mean(), 0.005);
}

TEST(Backend, IsReadFromText) {
  const auto plain = Backend::parse("127.0.0.1:7401");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->name, "127.0.0.1:7401");
  EXPECT_EQ(plain->weight, 1);
  const auto heavy = Backend::parse("backend-a:7401 weight=2.5");
  ASSERT_TRUE(heavy);
  EXPECT_EQ(heavy->name, "backend-a:7401");
  EXPECT_EQ(heavy->weight, 2.5);
  for (const char* bad : {"", "backend-a", "backend-a:0", "a:1 weight=", "a:1 weight=0",
                          "a:1 weight=-1", "a:1 weight=x", "a:1 weight=2 more", "a:1 wait=2"}) {
    EXPECT_FALSE(Backend::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace babilu::proxy
