// What makes a proxy give a backend less work, or none.
#include <gtest/gtest.h>

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
