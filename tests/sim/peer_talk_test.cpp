// Peers that mean well: talking, leaving, vanishing, coming back.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/sim/peer_support.h"
#include "tests/support/size.h"

namespace babilu::peer {
namespace {

using namespace std::chrono_literals;
using testing::message_id;
using testing::Peer;
using testing::Recorder;
using testing::Town;

using Said = Recorder::Said;

void run(std::uint64_t first, task<> (*test)(Town&)) {
  babilu::test::for_each_seed(first, babilu::test::repetitions(1, 20), [&](std::uint64_t seed) {
    Town town(seed);
    town.world.run(test(town), 1h);
  });
}

task<> talk_both_ways(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });

  EXPECT_EQ(ada->events.joined.size(), 1u);
  EXPECT_TRUE(ada->events.joined.at(0).added);
  EXPECT_FALSE(ada->events.joined.at(0).dialed);
  EXPECT_EQ(ada->events.joined.at(0).contact.key, bob->profile->keys.public_key());
  EXPECT_TRUE(bob->events.joined.at(0).dialed);
  EXPECT_EQ(bob->events.joined.at(0).contact.key, ada->profile->keys.public_key());

  EXPECT_TRUE(co_await bob->say("ada", "hello"));
  EXPECT_TRUE(co_await ada->say("bob", "good morning"));
  co_await ada->events.until([&] { return !ada->events.settled.empty(); });
  co_await bob->events.until([&] { return !bob->events.settled.empty(); });
  EXPECT_EQ(ada->events.messages, (std::vector<Said>{{"bob", "hello"}}));
  EXPECT_EQ(bob->events.messages, (std::vector<Said>{{"ada", "good morning"}}));
  EXPECT_TRUE(ada->events.settled.at(0).why.ok());

  const auto said = co_await bob->history("ada");
  EXPECT_EQ(said.size(), 2u);
  EXPECT_EQ(said.at(0).text, "hello");
  EXPECT_EQ(said.at(0).state, MessageState::delivered);
  EXPECT_EQ(said.at(1).text, "good morning");
  EXPECT_EQ(said.at(1).state, MessageState::received);

  co_await bob->stop();
  co_await ada->events.until([&] { return !ada->events.left.empty(); });
  EXPECT_EQ(ada->events.left.at(0).ending.kind, Ending::Kind::left);
  EXPECT_TRUE(bob->events.left.empty());
  co_await ada->stop();
}

TEST(PeerTalk, GoesBothWays) {
  run(1, talk_both_ways);
}

task<> three_at_once(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  std::vector<std::unique_ptr<Peer>> others;
  for (const char* name : {"bob", "carol", "dave"}) {
    others.push_back(co_await town.peer(name));
    others.back()->dial("ada");
  }
  co_await ada->events.until([&] { return ada->events.joined.size() == 3; });
  for (int round = 0; round < 5; ++round) {
    for (const auto& other : others) {
      co_await other->say("ada", "from " + other->host + " " + std::to_string(round));
      co_await ada->say(other->host, "to " + other->host + " " + std::to_string(round));
    }
  }
  co_await ada->events.until([&] { return ada->events.messages.size() == 15; });
  co_await ada->events.until([&] { return ada->node->unsettled() == 0; });
  for (const auto& other : others) {
    std::vector<Said> expected;
    for (int round = 0; round < 5; ++round) {
      expected.push_back({"ada", "to " + other->host + " " + std::to_string(round)});
    }
    EXPECT_EQ(other->events.messages, expected);
    co_await other->stop();
  }
  co_await ada->stop();
}

TEST(PeerTalk, ThreeConversationsAtOnce) {
  run(2, three_at_once);
}

task<> both_dial(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->listen();
  ada->dial("bob");
  bob->dial("ada");
  co_await town.world.runtime().sleep_for(2s);
  EXPECT_EQ(ada->events.joined.size(), 1u);
  EXPECT_EQ(bob->events.joined.size(), 1u);
  co_await ada->say("bob", "once");
  co_await bob->events.until([&] { return !bob->events.messages.empty(); });
  co_await bob->stop();
  co_await ada->events.until([&] { return !ada->events.left.empty(); });
  co_await town.world.runtime().sleep_for(2s);
  EXPECT_EQ(ada->events.left.size(), 1u);
  EXPECT_EQ(bob->events.messages.size(), 1u);
  co_await ada->stop();
}

TEST(PeerTalk, TwoConnectionsAreOneConversation) {
  run(3, both_dial);
}

task<> vanish(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await town.world.runtime().sleep_for(30s);
  EXPECT_TRUE(ada->events.left.empty());

  town.world.partition("ada", "bob");
  const auto vanished = town.world.runtime().now();
  co_await ada->events.until([&] { return !ada->events.left.empty(); });
  co_await bob->events.until([&] { return !bob->events.left.empty(); });
  EXPECT_LE(town.world.runtime().now() - vanished, 6s);
  EXPECT_EQ(ada->events.left.at(0).ending.kind, Ending::Kind::gone);
  EXPECT_EQ(ada->events.left.at(0).ending.why.reason, "no_pong");

  EXPECT_FALSE(co_await ada->say("bob", "are you there?"));
  town.world.heal("ada", "bob");
  co_await bob->events.until([&] { return !bob->events.messages.empty(); });
  EXPECT_EQ(ada->events.joined.size(), 2u);
  EXPECT_FALSE(ada->events.joined.at(1).added);
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTalk, AVanishedPeerIsNoticedWithinSecondsAndComesBack) {
  run(4, vanish);
}

task<> kept_while_away(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  co_await bob->stop();
  co_await ada->events.until([&] { return !ada->events.left.empty(); });
  EXPECT_FALSE(co_await ada->say("bob", "one"));
  EXPECT_FALSE(co_await ada->say("bob", "two"));
  // Neither forgets when they start anew.
  co_await ada->stop();
  ada = co_await town.peer("ada");
  bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->events.messages.size() == 2; });
  EXPECT_EQ(bob->events.messages, (std::vector<Said>{{"ada", "one"}, {"ada", "two"}}));
  co_await ada->events.until([&] { return ada->events.settled.size() == 2; });
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTalk, AMessageIsKeptWhileThePeerIsAway) {
  run(5, kept_while_away);
}

task<> cut_again_and_again(sim::World& world, bool& enough) {
  while (!enough) {
    co_await world.runtime().sleep_for(3ms);
    world.cut("ada", "bob");
  }
}

task<> unreliable(Town& town) {
  NodeOptions options;
  options.redial_min = options.redial_max = 1ms;
  auto ada = co_await town.peer("ada", options);
  auto bob = co_await town.peer("bob", options);
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  Scope scope(town.world.runtime());
  bool enough = false;
  scope.spawn("cut", cut_again_and_again(town.world, enough));
  std::vector<Said> expected;
  for (int i = 0; i < 40; ++i) {
    expected.push_back({"bob", std::to_string(i)});
    co_await bob->say("ada", std::to_string(i));
  }
  co_await ada->events.until([&] { return ada->events.messages.size() >= 40; });
  co_await bob->events.until([&] { return bob->node->unsettled() == 0; });
  enough = true;
  co_await scope.join();
  EXPECT_EQ(ada->events.messages, expected);
  EXPECT_GT(bob->events.joined.size(), 2u);
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTalk, EveryMessageArrivesOnceInOrderThoughTheConnectionBreaks) {
  run(6, unreliable);
}

task<> repeated(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  const auto keys = crypto::KeyPair::generate(town.world.runtime().random());
  auto raw = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_TRUE((co_await raw->introduce(keys, "eve")).status.ok());
  EXPECT_TRUE((co_await raw->deliver(message_id(1), "hello")).status.ok());
  EXPECT_TRUE((co_await raw->deliver(message_id(1), "hello")).status.ok());
  const rpc::Reply reused = co_await raw->deliver(message_id(1), "something else");
  EXPECT_EQ(reused.status.reason, "message_id_reused");
  co_await raw->close();
  // Nor on another connection.
  raw = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_TRUE((co_await raw->introduce(keys, "eve")).status.ok());
  EXPECT_TRUE((co_await raw->deliver(message_id(1), "hello")).status.ok());
  EXPECT_TRUE((co_await raw->deliver(message_id(2), "hello")).status.ok());
  EXPECT_EQ(ada->events.messages, (std::vector<Said>{{"eve", "hello"}, {"eve", "hello"}}));
  EXPECT_EQ((co_await ada->history("eve")).size(), 2u);
  co_await raw->close();
  co_await ada->stop();
}

TEST(PeerTalk, ARepeatedMessageIsAcknowledgedAndNotKeptAgain) {
  run(7, repeated);
}

task<> nobody_there(Town& town) {
  auto bob = co_await town.peer("bob");
  bob->dial("ada");
  EXPECT_FALSE(bob->node->dial({"ada", testing::port}));
  co_await bob->events.until([&] { return !bob->events.unreachable.empty(); });
  co_await town.world.runtime().sleep_for(60s);
  EXPECT_EQ(bob->events.unreachable.size(), 1u);  // said once
  auto sent = co_await bob->node->send("ada", "hello");
  EXPECT_EQ(sent.error().reason, "no_contact");

  auto ada = co_await town.peer("ada");
  ada->listen();
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTalk, DialsOnUntilSomebodyAnswers) {
  run(8, nobody_there);
}

task<> left_address(Town& town) {
  auto bob = co_await town.peer("bob");
  auto ada = co_await town.peer("ada");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  const auto there = co_await bob->node->contact_at({"ada", testing::port});
  EXPECT_EQ(there.value().value().name, "ada");
  co_await ada->stop();
  auto carol = co_await town.namesake("carol", "ada");
  carol->listen();
  co_await bob->events.until([&] { return bob->node->is_here("carol"); });
  EXPECT_TRUE(bob->events.joined.back().was_there_before);
  EXPECT_EQ(bob->events.joined.back().was_there_before.value().name, "ada");
  co_await bob->stop();
  co_await carol->stop();
}

TEST(PeerTalk, SomebodyElseAtAnAddressIsSaid) {
  run(9, left_address);
}

task<> forget(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  co_await bob->stop();
  co_await ada->events.until([&] { return !ada->node->is_here("bob"); });
  co_await ada->say("bob", "for the old bob alone");
  const auto forgotten = co_await ada->node->forget("bob");
  EXPECT_EQ(forgotten.value().given_up.size(), 1u);
  EXPECT_EQ(ada->node->unsettled(), 0u);
  EXPECT_EQ((co_await ada->node->forget("bob")).error().reason, "no_contact");

  auto other_bob = co_await town.namesake("bob", "elsewhere");
  other_bob->dial("ada");
  co_await ada->events.until([&] { return ada->events.joined.size() == 2; });
  EXPECT_TRUE(ada->events.joined.at(1).added);
  co_await ada->say("bob", "hello, new bob");
  co_await other_bob->events.until([&] { return !other_bob->events.messages.empty(); });
  EXPECT_EQ(other_bob->events.messages, (std::vector<Said>{{"ada", "hello, new bob"}}));
  EXPECT_EQ((co_await ada->history("bob")).size(), 2u);
  co_await other_bob->stop();
  co_await ada->stop();
}

TEST(PeerTalk, WhatWaitedForAForgottenContactNeverGoesToTheNext) {
  run(10, forget);
}

task<> log_a_meeting(Town& town, std::vector<std::string>& log) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await bob->say("ada", "hello");
  co_await ada->events.until([&] { return !ada->events.messages.empty(); });
  town.world.note("arrived, key " + std::to_string(bob->profile->keys.public_key()[0]));
  town.world.partition("ada", "bob");
  co_await ada->events.until([&] { return !ada->events.left.empty(); });
  town.world.note("gone");
  log = town.world.events();
  co_await bob->stop();
  co_await ada->stop();
}

std::vector<std::string> log_of(std::uint64_t seed) {
  Town town(seed);
  std::vector<std::string> log;
  town.world.run(log_a_meeting(town, log), 1h);
  return log;
}

TEST(PeerTalk, TheSameSeedGivesTheSameEvents) {
  const auto log = log_of(11);
  EXPECT_EQ(log.size(), 2u);
  EXPECT_EQ(log, log_of(11));
  EXPECT_NE(log, log_of(12));
}

}  // namespace
}  // namespace babilu::peer
