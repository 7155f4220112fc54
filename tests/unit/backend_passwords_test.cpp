// Whose passwords are hashed, when many want it at a time.
#include <gtest/gtest.h>

#include <future>

#include "core/runtime/scope.h"
#include "core/telemetry/metrics.h"
#include "roles/backend/client_share.h"
#include "roles/backend/hash_rates.h"
#include "roles/backend/passwords.h"

namespace babilu::backend {
namespace {

using namespace std::chrono_literals;

TEST(ClientShare, IsAnAddressOfIPv4AndANetworkOfIPv6) {
  EXPECT_EQ(share_of("192.0.2.1:5000").name, "192.0.2.1");
  EXPECT_EQ(share_of("[::ffff:192.0.2.1]:5000").name, "192.0.2.1");
  EXPECT_EQ(share_of("[2001:db8:1:2:3:4:5:6]:5000").name, "2001:db8:1:2::/64");
  EXPECT_EQ(share_of("[2001:db8:1:2::1]:6000").name, "2001:db8:1:2::/64");
  EXPECT_NE(share_of("[2001:db8:1:3::1]:6000").name, share_of("[2001:db8:1:2::1]:6000").name);
  EXPECT_EQ(share_of("client:1").name, "client");
  EXPECT_EQ(share_of("nonsense").name, "nonsense");
  EXPECT_EQ(share_of("").name, "");
}

TEST(ClientShare, KnowsThisMachine) {
  for (const char* here : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"}) {
    EXPECT_TRUE(share_of(here).loopback) << here;
  }
  for (const char* there : {"192.0.2.1:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1", "host:1"}) {
    EXPECT_FALSE(share_of(there).loopback) << there;
  }
}

const Clock::time_point start{1000s};

int taken(HashRates& rates, const ClientShare& share, Clock::time_point now, int wanted) {
  int count = 0;
  for (int i = 0; i < wanted; ++i) count += !rates.take(share, now);
  return count;
}

TEST(HashRates, EachAddressHasItsOwn) {
  HashRates rates(10);
  const ClientShare one{"192.0.2.1"};
  const ClientShare other{"192.0.2.2"};
  EXPECT_EQ(taken(rates, one, start, 50), 20) << "twice as many at once";
  EXPECT_EQ(taken(rates, other, start, 5), 5);
  const auto wait = rates.take(one, start);
  ASSERT_TRUE(wait);
  EXPECT_EQ(*wait, 100ms);
  EXPECT_TRUE(rates.take(one, start + 99ms)) << "and asking does not put it off";
  EXPECT_FALSE(rates.take(one, start + 100ms));
  EXPECT_EQ(taken(rates, one, start + 1100ms, 50), 10);
  EXPECT_EQ(taken(rates, one, start + 60s, 50), 20);
}

TEST(HashRates, ThereIsNoneForThisMachineNorAtZero) {
  HashRates rates(1);
  EXPECT_EQ(taken(rates, {"127.0.0.1", true}, start, 1000), 1000);
  HashRates none(0);
  EXPECT_EQ(taken(none, {"192.0.2.1"}, start, 1000), 1000);
  EXPECT_EQ(none.remembered(), 0u);
}

TEST(HashRates, ForgetsThoseThatHaveRecovered) {
  HashRates rates(1);
  for (std::size_t i = 0; i < HashRates::most_remembered; ++i) {
    rates.take({std::to_string(i)}, start);
  }
  EXPECT_EQ(taken(rates, {"newcomer"}, start, 5), 5) << "there is no room to count them";
  EXPECT_EQ(rates.remembered(), HashRates::most_remembered);
  EXPECT_EQ(taken(rates, {"newcomer"}, start + 3s, 5), 2);
  EXPECT_EQ(rates.remembered(), 1u);
}

/// Holds a pool's only thread, so that what follows must wait.
class Hold {
 public:
  task<> run(Runtime& runtime, OffloadPool& pool) {
    auto work = [this] {
      begun_.set_value();
      go_on_.get_future().wait();
      return true;
    };
    co_await pool.run(runtime, work, no_deadline);
  }
  void wait_until_it_holds() { begun_.get_future().wait(); }
  void release() { go_on_.set_value(); }

 private:
  std::promise<void> begun_;
  std::promise<void> go_on_;
};

struct Bench {
  rpc::Call call(std::string_view from) {
    return {.runtime = runtime, .client_address = from, .peer = peer};
  }
  task<> hash(rpc::Call& by, std::string& outcome) {
    const auto made = co_await passwords.hash(by, "correct horse");
    outcome = made ? "hashed" : made.error().reason;
  }

  Runtime runtime;
  const net::PeerIdentity peer;
  telemetry::Metrics metrics;
  OffloadPool pool{{.name = "passwords", .threads = 1, .queue = 4}, metrics};
  Passwords passwords{pool, crypto::insecure_test_cost, 5};
};

task<> one_client_wants_all(Bench& bench) {
  Scope scope(bench.runtime);
  Hold hold;
  scope.spawn("hold", hold.run(bench.runtime, bench.pool));
  hold.wait_until_it_holds();
  rpc::Call loud = bench.call("192.0.2.1:1");
  rpc::Call quiet = bench.call("192.0.2.2:1");
  std::vector<std::string> of_loud(6);
  std::string of_quiet;
  std::vector<rpc::Call> calls(of_loud.size(), loud);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    scope.spawn("loud", bench.hash(calls[i], of_loud[i]));
  }
  scope.spawn("quiet", bench.hash(quiet, of_quiet));
  hold.release();
  co_await scope.join();
  EXPECT_EQ(of_quiet, "hashed");
  EXPECT_EQ(std::ranges::count(of_loud, "hashed"), 3);
  EXPECT_EQ(std::ranges::count(of_loud, "busy"), 3);
}

TEST(Passwords, AClientThatFillsTheQueueKeepsNobodyElseOut) {
  Bench bench;
  bench.runtime.run(one_client_wants_all(bench));
}

task<> cancelled_before_its_turn(Bench& bench) {
  Scope scope(bench.runtime);
  Hold hold;
  scope.spawn("hold", hold.run(bench.runtime, bench.pool));
  hold.wait_until_it_holds();
  rpc::Call waits = bench.call("192.0.2.1:1");
  rpc::Call comes_late = bench.call("192.0.2.1:1");
  std::string of_waits, of_comes_late;
  scope.spawn("waits", bench.hash(waits, of_waits));
  EXPECT_EQ(bench.pool.waiting(), 1u);
  waits.given_up = true;
  EXPECT_TRUE(waits.when_given_up);
  waits.when_given_up();
  EXPECT_EQ(bench.pool.waiting(), 0u);
  comes_late.given_up = true;
  scope.spawn("comes late", bench.hash(comes_late, of_comes_late));
  EXPECT_EQ(bench.pool.waiting(), 0u);
  hold.release();
  co_await scope.join();
  EXPECT_EQ(of_waits, "cancelled");
  EXPECT_EQ(of_comes_late, "cancelled");
  EXPECT_FALSE(waits.when_given_up) << "its handler does not wait any more";
}

TEST(Passwords, WhatWasGivenUpIsNotHashed) {
  Bench bench;
  bench.runtime.run(cancelled_before_its_turn(bench));
}

task<> too_often(Bench& bench) {
  rpc::Call one = bench.call("192.0.2.1:1");
  rpc::Call other = bench.call("192.0.2.2:1");
  std::string outcome = "hashed";
  int hashed = -1;
  for (; outcome == "hashed" && hashed < 1000; ++hashed) co_await bench.hash(one, outcome);
  EXPECT_EQ(outcome, "too_many_passwords");
  EXPECT_GE(hashed, 10) << "twice its rate at once, and what comes back meanwhile";
  EXPECT_EQ(bench.passwords.over_rate(), 1u);
  co_await bench.hash(other, outcome);
  EXPECT_EQ(outcome, "hashed");
  const auto refused = co_await bench.passwords.hash(one, "correct horse");
  if (!refused) EXPECT_GE(refused.error().retry_after, 100ms) << "not at once";
}

TEST(Passwords, AnAddressHasARateOfItsOwn) {
  Bench bench;
  bench.runtime.run(too_often(bench));
}

}  // namespace
}  // namespace babilu::backend
