#include <gtest/gtest.h>

#include <map>

#include "roles/proxy/balancer.h"

namespace babilu::proxy {
namespace {

std::vector<Candidate> backends(std::size_t count) {
  std::vector<Candidate> made;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = "backend-" + std::to_string(i);
    made.push_back({.name_hash = hash_name(name.data(), name.size())});
  }
  return made;
}

TEST(Balancer, ChoosesNothingFromNothing) {
  EXPECT_FALSE(choose({}, 0, 1));
}

TEST(Balancer, ARouteStaysWhereItIsWhenAnotherBackendLeaves) {
  const auto five = backends(5);
  auto four = five;
  four.pop_back();
  std::map<std::size_t, int> share;
  int moved = 0;
  for (std::uint32_t route = 1; route <= 10'000; ++route) {
    const std::size_t before = *choose(five, route, 0);
    const std::size_t after = *choose(four, route, 0);
    ++share[before];
    if (before != 4) {
      EXPECT_EQ(after, before);
    } else {
      ++moved;
    }
  }
  for (const auto& [backend, routes] : share) EXPECT_NEAR(routes, 2000, 200) << backend;
  EXPECT_EQ(moved, share[4]);
}

TEST(Balancer, TakesTheBetterOfTwo) {
  auto two = backends(2);
  two[0].latency_seconds = 0.011;
  two[1].latency_seconds = 0.001;
  for (std::uint64_t dice = 0; dice < 100; ++dice) {
    EXPECT_EQ(choose(two, 0, dice * 0x9e3779b97f4a7c15), 1u);
  }
  two[1].latency_seconds = 0.1;
  EXPECT_EQ(choose(two, 0, 0), 0u);
  two[0].in_flight = 1;
  two[0].weight = 0.05;  // the faster one, but with more than its share
  EXPECT_EQ(choose(two, 0, 0), 1u);
}

std::map<std::size_t, int> shares(const std::vector<Candidate>& candidates) {
  std::map<std::size_t, int> share;
  Dice dice(7);
  for (int i = 0; i < 30'000; ++i) ++share[*choose(candidates, 0, dice.roll())];
  return share;
}

TEST(Balancer, ALightLoadIsSharedThoughOneIsALittleFaster) {
  auto two = backends(2);
  two[0].latency_seconds = 0.0011;
  two[1].latency_seconds = 0.001;
  EXPECT_NEAR(shares(two)[0], 15'000, 500);
  two[0].latency_seconds = 0;  // nothing is known of one
  EXPECT_NEAR(shares(two)[0], 15'000, 500);
}

TEST(Balancer, ALightLoadFollowsWeights) {
  auto three = backends(3);
  three[0].weight = 2;
  for (Candidate& candidate : three) candidate.latency_seconds = 0.001;
  auto share = shares(three);
  EXPECT_NEAR(share[0], 15'000, 500);
  EXPECT_NEAR(share[1], 7'500, 500);
  EXPECT_NEAR(share[2], 7'500, 500);
}

TEST(Balancer, OneThatStartsGetsLittleButKeepsItsRoutes) {
  auto two = backends(2);
  const auto settled = two;
  two[0].share = 0.1;
  EXPECT_NEAR(shares(two)[0], 30'000 / 11, 300);
  for (std::uint32_t route = 1; route < 1000; ++route) {
    EXPECT_EQ(choose(two, route, 0), choose(settled, route, 0));
  }
}

TEST(Balancer, WhatIsUnderWayCountsBesideTheWeight) {
  auto two = backends(2);
  two[0].weight = 10;
  two[0].in_flight = 100;
  two[1].in_flight = 10;
  EXPECT_NEAR(shares(two)[0], 30'000 * 10 / 11, 500) << "each has what it should";
  two[1].in_flight = 100;
  EXPECT_EQ(shares(two)[0], 30'000);
}

TEST(Balancer, RoutesFollowWeights) {
  auto three = backends(3);
  three[0].weight = 2;
  std::map<std::size_t, int> share;
  for (std::uint32_t route = 1; route <= 20'000; ++route) ++share[*choose(three, route, 0)];
  EXPECT_NEAR(share[0], 10'000, 400);
  EXPECT_NEAR(share[1], 5'000, 400);
  EXPECT_NEAR(share[2], 5'000, 400);
}

TEST(Balancer, SpreadsEvenlyWhenAllAreEqual) {
  const auto four = backends(4);
  std::map<std::size_t, int> share;
  std::uint64_t dice = 1;
  for (int i = 0; i < 40'000; ++i) {
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    ++share[*choose(four, 0, dice ^ (dice >> 29))];
  }
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(share[i], 10'000, 1'000) << i;
}

}  // namespace
}  // namespace babilu::proxy
