// Peers in trouble: a disk that fails, somebody who refuses or delays, too many at once.
#include <gtest/gtest.h>

#include "roles/peer/contacts.h"
#include "roles/peer/messages.h"
#include "tests/sim/peer_support.h"
#include "tests/support/status.h"

namespace babilu::peer {
namespace {

using namespace std::chrono_literals;
using testing::message_id;
using testing::Peer;
using testing::RawPeer;
using testing::Recorder;
using testing::Town;

using Said = Recorder::Said;

void run(std::uint64_t seed, task<> (*test)(Town&)) {
  Town town(seed);
  town.world.run(test(town), 2h);
}

crypto::KeyPair new_keys(Town& town) {
  return crypto::KeyPair::generate(town.world.runtime().random());
}

/// Runs a statement on a profile's database.
task<> in_database(Peer& peer, std::string sql) {
  auto unit = [sql](store::Transaction& transaction) {
    transaction.execute(sql);
    return store::commit();
  };
  const auto done =
      co_await peer.profile->store->write(peer.world.runtime(), std::move(unit), no_deadline);
  EXPECT_TRUE(done) << done.error().to_string();
}

/// From now on the database refuses this: "insert on message", "update on message".
task<> refuse(Peer& peer, std::string what) {
  co_await in_database(peer, "create trigger refusal before " + what +
                                 " begin select raise(abort, 'no room on the disk'); end");
}
task<> allow(Peer& peer) {
  co_await in_database(peer, "drop trigger refusal");
}

task<> not_kept(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_TRUE((co_await eve->introduce(new_keys(town), "eve")).status.ok());
  co_await refuse(*ada, "insert on message");
  const rpc::Reply reply = co_await eve->deliver(message_id(1), "hello");
  EXPECT_EQ(reply.status.code, rpc::Code::unavailable) << "else it would never come again";
  EXPECT_EQ(reply.status.reason, "store");
  EXPECT_GE(reply.status.retry_after, 1s);
  EXPECT_TRUE(ada->events.messages.empty()) << "shown is only what is kept";
  EXPECT_EQ(ada->events.troubles.size(), 1u);
  EXPECT_TRUE(eve->open());
  EXPECT_TRUE((co_await ada->history("eve")).empty());

  co_await allow(*ada);
  EXPECT_TRUE((co_await eve->deliver(message_id(1), "hello")).status.ok());
  EXPECT_EQ(ada->events.messages, (std::vector<Said>{{"eve", "hello"}}));
  EXPECT_EQ((co_await ada->history("eve")).size(), 1u);
  co_await eve->close();
  co_await ada->stop();
}

TEST(PeerTrouble, AMessageThatCannotBeKeptIsNotAcknowledged) {
  run(1, not_kept);
}

task<> comes_again(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await refuse(*ada, "insert on message");
  co_await bob->say("ada", "one");
  co_await bob->say("ada", "two");
  co_await town.world.runtime().sleep_for(5s);
  EXPECT_TRUE(bob->events.settled.empty());
  EXPECT_EQ(bob->node->unsettled(), 2u);
  EXPECT_EQ((co_await bob->history("ada")).at(0).state, MessageState::pending);
  co_await allow(*ada);
  co_await bob->events.until([&] { return bob->node->unsettled() == 0; }, 10s);
  EXPECT_EQ(bob->node->unsettled(), 0u);
  EXPECT_EQ(ada->events.messages, (std::vector<Said>{{"bob", "one"}, {"bob", "two"}}));
  EXPECT_EQ(bob->events.settled.size(), 2u);
  EXPECT_TRUE(bob->events.settled.at(0).why.ok());
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTrouble, AMessageThatCouldNotBeKeptComesAgain) {
  run(2, comes_again);
}

task<> not_noted(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await refuse(*bob, "update on message");
  co_await bob->say("ada", "once");
  co_await town.world.runtime().sleep_for(3500ms);
  EXPECT_EQ(ada->events.messages.size(), 1u);
  EXPECT_TRUE(bob->events.settled.empty()) << "what is not on the disk is not told";
  EXPECT_GE(bob->events.troubles.size(), 2u);
  EXPECT_LE(bob->events.troubles.size(), 5u) << "not in a tight loop";
  co_await allow(*bob);
  co_await bob->events.until([&] { return !bob->events.settled.empty(); });
  EXPECT_EQ((co_await bob->history("ada")).at(0).state, MessageState::delivered);
  EXPECT_EQ(ada->events.messages, (std::vector<Said>{{"bob", "once"}})) << "known by its id";
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTrouble, AnAcknowledgementThatCannotBeNotedIsAskedForAgain) {
  run(3, not_noted);
}

task<> not_said(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await refuse(*bob, "insert on message");
  const auto sent = co_await bob->node->send("ada", "hello");
  EXPECT_FALSE(sent);
  EXPECT_EQ(sent.error().code, rpc::Code::unavailable);
  EXPECT_EQ(sent.error().reason, "store");
  EXPECT_EQ(bob->node->unsettled(), 0u);
  co_await town.world.runtime().sleep_for(5s);
  EXPECT_TRUE(ada->events.messages.empty()) << "on the disk before it is sent";
  const auto empty = co_await bob->node->send("ada", "");
  EXPECT_EQ(empty.error().reason, "text_empty");
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTrouble, WhatCannotBeKeptIsNotSent) {
  run(4, not_said);
}

task<> cannot_look(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await bob->stop();
  bob = co_await town.peer("bob");
  co_await bob->say("ada", "hello");
  co_await in_database(*bob, "alter table message rename to elsewhere");
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->events.troubles.size() >= 2; });
  EXPECT_TRUE(bob->node->is_here("ada"));
  EXPECT_FALSE(co_await bob->node->history("ada", 10));
  co_await in_database(*bob, "alter table elsewhere rename to message");
  co_await ada->events.until([&] { return !ada->events.messages.empty(); });
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTrouble, WhatCouldNotBeReadIsSentOnceItCan) {
  run(5, cannot_look);
}

task<> not_recognised(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  co_await refuse(*ada, "insert on contact");
  bob->dial("ada");
  co_await ada->events.until([&] { return !ada->events.refused.empty(); });
  EXPECT_EQ(ada->events.refused.at(0).why.reason, "store");
  EXPECT_EQ(ada->events.refused.at(0).why.code, rpc::Code::unavailable);
  EXPECT_FALSE(ada->events.troubles.empty());
  EXPECT_TRUE(ada->events.joined.empty());
  EXPECT_TRUE(bob->events.refused_us.empty()) << "it is no refusal for good";
  co_await allow(*ada);
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTrouble, WhoCannotBeLookedUpComesAgain) {
  run(6, not_recognised);
}

/// One end of a connection that answers as the test wants it.
class Scripted final : private PeerSession::Host {
 public:
  Scripted(Town& town, net::StreamPtr stream, crypto::KeyPair keys, std::string name)
      : town_(town),
        name_(std::move(name)),
        keys_(std::move(keys)),
        session(town.world.runtime(), std::move(stream), rpc::Side::dialer, keys_, name_, options_,
                *this),
        scope_(town.world.runtime()) {
    scope_.spawn("scripted", run());
  }
  task<> close() {
    session.close({});
    co_await scope_.join();
  }

  struct Delivered {
    std::string text;
    Clock::time_point when;
  };
  std::vector<Delivered> delivered;
  std::vector<rpc::Status> answers;  ///< to what is delivered, the first first; then ok
  std::size_t silent = 0;            ///< so many of the first are not answered at all
  std::optional<Ending> ending;

 private:
  task<> run() {
    Ending how = co_await session.run();
    ending = std::move(how);
  }
  task<boost::system::result<Contact, Refusal>> recognise(PeerSession&,
                                                          Introduced introduced) override {
    co_await town_.world.runtime().sleep_for(recognition);
    co_return Contact{.id = 1, .name = introduced.name, .key = introduced.key};
  }
  void on_joined(PeerSession&) override {}
  task<rpc::Status> receive(PeerSession&, Message message) override {
    delivered.push_back({message.text, town_.world.runtime().now()});
    const std::size_t turn = delivered.size() - 1;
    if (turn < silent) co_await town_.world.runtime().sleep_for(1h);
    co_return turn < answers.size() ? answers[turn] : rpc::Status();
  }
  void on_refused(const Refusal&) override {}

  Town& town_;
  const NodeOptions options_;
  const std::string name_;
  const crypto::KeyPair keys_;

 public:
  Clock::duration recognition{0};  ///< how long it takes to accept the other
  PeerSession session;

 private:
  Scope scope_;
};

task<std::unique_ptr<Scripted>> scripted(Town& town, crypto::KeyPair keys, std::string name) {
  auto stream = co_await testing::dial_tls(town.world, name, "ada");
  co_return std::make_unique<Scripted>(town, std::move(stream), std::move(keys), name);
}

rpc::Status no(rpc::Code code, std::chrono::milliseconds retry_after) {
  rpc::Status status = test::status(code, "no", "not now");
  status.retry_after = retry_after;
  return status;
}

task<> as_told(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto bob = co_await scripted(town, new_keys(town), "bob");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  bob->answers = {no(rpc::Code::resource_exhausted, 3s), no(rpc::Code::unavailable, 0s),
                  no(rpc::Code::resource_exhausted, 1h), no(rpc::Code::unavailable, 1ms),
                  no(rpc::Code::internal, 0s)};
  co_await ada->say("bob", "first");
  co_await ada->say("bob", "second");
  co_await ada->events.until([&] { return ada->events.settled.size() == 2; }, 5min);
  const auto& said = bob->delivered;
  EXPECT_EQ(said.size(), 7u);
  const std::vector<Clock::duration> pauses = {3s, 1s, 30s, 50ms, 1s};
  for (std::size_t i = 0; i < pauses.size(); ++i) {
    EXPECT_EQ(said.at(i + 1).text, "first") << "in order";
    const Clock::duration pause = said.at(i + 1).when - said.at(i).when;
    EXPECT_GE(pause, pauses[i]) << i;
    EXPECT_LE(pause, pauses[i] + 20ms) << i;
  }
  EXPECT_EQ(said.at(6).text, "second");
  EXPECT_TRUE(ada->events.settled.at(0).why.ok());
  co_await bob->close();
  co_await ada->stop();
}

TEST(PeerTrouble, SendsAgainWhenTheOtherSaidAndNoSooner) {
  run(7, as_told);
}

task<> no_answer(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto bob = co_await scripted(town, new_keys(town), "bob");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  bob->silent = 1;
  co_await ada->say("bob", "hello");
  co_await ada->events.until([&] { return !ada->events.settled.empty(); });
  EXPECT_EQ(bob->delivered.size(), 2u);
  EXPECT_LE(bob->delivered.at(1).when - bob->delivered.at(0).when, 12s);
  EXPECT_TRUE(ada->events.settled.at(0).why.ok());
  co_await bob->close();
  co_await ada->stop();
}

TEST(PeerTrouble, AMessageWithoutAnAnswerIsSentAgain) {
  run(17, no_answer);
}

task<> never(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto bob = co_await scripted(town, new_keys(town), "bob");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  bob->answers = {no(rpc::Code::invalid_argument, 0s), no(rpc::Code::permission_denied, 0s),
                  no(rpc::Code::out_of_range, 0s), no(rpc::Code::unimplemented, 0s)};
  for (int i = 0; i < 5; ++i) co_await ada->say("bob", std::to_string(i));
  co_await ada->events.until([&] { return ada->events.settled.size() == 5; });
  EXPECT_EQ(bob->delivered.size(), 5u) << "what will never be taken is sent once";
  EXPECT_EQ(ada->events.settled.at(0).why.reason, "no");
  EXPECT_TRUE(ada->events.settled.at(4).why.ok());
  const auto said = co_await ada->history("bob");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(said.at(i).state, MessageState::refused) << i;
  EXPECT_EQ(said.at(4).state, MessageState::delivered);
  EXPECT_EQ(ada->node->unsettled(), 0u);
  co_await bob->close();
  co_await ada->stop();
}

TEST(PeerTrouble, WhatTheOtherWillNeverTakeIsGivenUpAndSaid) {
  run(8, never);
}

task<> overtakes(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto bob = co_await scripted(town, new_keys(town), "bob");
  bob->recognition = 2s;
  while (bob->session.contact()) co_await town.world.runtime().sleep_for(1ms);
  co_await town.world.runtime().sleep_for(500ms);
  Message message{.id = message_id(1), .text = "early"};
  message.sent_at = town.world.runtime().clock().wall();
  const auto began = town.world.runtime().now();
  const auto result = co_await bob->session.deliver(message);
  EXPECT_TRUE(result.reply.status.ok()) << result.reply.status.to_string();
  EXPECT_GE(town.world.runtime().now() - began, 1s) << "it waited until they had joined";
  EXPECT_EQ(ada->events.joined.size(), 1u);
  EXPECT_EQ(ada->events.messages, (std::vector<Said>{{"bob", "early"}}));
  co_await bob->close();
  co_await ada->stop();
}

TEST(PeerTrouble, AMessageIsNotShownBeforeItsWriterHasJoined) {
  run(9, overtakes);
}

task<> does_not_answer(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto bob = co_await scripted(town, new_keys(town), "bob");
  bob->recognition = 1h;
  const auto began = town.world.runtime().now();
  while (!bob->ending) co_await town.world.runtime().sleep_for(100ms);
  EXPECT_GE(town.world.runtime().now() - began, 4900ms);
  EXPECT_LE(town.world.runtime().now() - began, 8s);
  EXPECT_TRUE(ada->events.joined.empty());
  co_await bob->close();
  co_await ada->stop();
}

TEST(PeerTrouble, WhoDoesNotAcceptOurIntroductionInTimeIsLeft) {
  run(10, does_not_answer);
}

task<> new_connection(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  const Bytes seed(32, 7);
  auto first = co_await scripted(town, crypto::KeyPair::from_seed(seed), "bob");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  first->answers = {no(rpc::Code::resource_exhausted, 20s)};
  co_await ada->say("bob", "hello");
  co_await town.world.runtime().sleep_for(1s);
  EXPECT_EQ(first->delivered.size(), 1u);
  auto second = co_await scripted(town, crypto::KeyPair::from_seed(seed), "bob");
  co_await ada->events.until([&] { return !ada->events.settled.empty(); }, 2s);
  EXPECT_EQ(first->delivered.size(), 1u);
  EXPECT_EQ(second->delivered.size(), 1u) << "the newest is tried at once";
  co_await second->close();
  co_await first->close();
  co_await ada->stop();
}

TEST(PeerTrouble, ANewConnectionEndsAPause) {
  run(18, new_connection);
}

task<> stop(Peer& peer, bool& stopped) {
  co_await peer.stop();
  stopped = true;
}

task<> leaves(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto bob = co_await town.peer("bob");
  bob->dial("ada");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  const auto began = town.world.runtime().now();
  co_await bob->stop();
  EXPECT_LE(town.world.runtime().now() - began, 1500ms) << "nothing was left to wait for";

  // Somebody who does not answer any more holds up the farewell, and nobody new comes in.
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_TRUE((co_await eve->introduce(new_keys(town), "eve")).status.ok());
  town.world.partition("eve", "ada");
  bool stopped = false;
  Scope scope(town.world.runtime());
  scope.spawn("stop", stop(*ada, stopped));
  co_await town.world.runtime().sleep_for(100ms);
  EXPECT_FALSE(stopped);
  const net::Address address{"ada", testing::port};
  const auto late =
      co_await town.world.host("late").connect(address, town.world.runtime().now() + 1s);
  EXPECT_FALSE(late);
  co_await scope.join();
  EXPECT_TRUE(stopped);
  town.world.heal("eve", "ada");
  co_await eve->close();
}

TEST(PeerTrouble, LeavingIsQuickAndLetsNobodyIn) {
  run(19, leaves);
}

task<> too_many_of_one(Town& town) {
  NodeOptions options;
  options.most_of_a_contact = 2;
  auto ada = co_await town.peer("ada", options);
  ada->listen();
  const auto keys = new_keys(town);
  std::vector<std::unique_ptr<RawPeer>> eves;
  for (int i = 0; i < 3; ++i) {
    eves.push_back(co_await testing::dial_raw(town.world, "eve", "ada"));
    const rpc::Reply reply = co_await eves.back()->introduce(keys, "eve");
    EXPECT_EQ(reply.status.reason, i < 2 ? "" : "busy");
    co_await town.world.runtime().sleep_for(10ms);
  }
  EXPECT_EQ((co_await eves[2]->ended()).reason, "busy");
  EXPECT_EQ(ada->events.joined.size(), 1u);
  EXPECT_TRUE(ada->node->is_here("eve"));
  // Others are welcome, and so is she when one of hers has gone.
  auto bob = co_await testing::dial_raw(town.world, "bob", "ada");
  EXPECT_TRUE((co_await bob->introduce(new_keys(town), "bob")).status.ok());
  co_await eves[0]->close();
  co_await town.world.runtime().sleep_for(1s);
  EXPECT_TRUE(ada->node->is_here("eve")) << "the other connection is there";
  auto again = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_TRUE((co_await again->introduce(keys, "eve")).status.ok());
  for (auto* raw : {eves[1].get(), eves[2].get(), bob.get(), again.get()}) co_await raw->close();
  co_await ada->events.until([&] { return ada->events.left.size() == 2; });
  EXPECT_FALSE(ada->node->is_here("eve"));
  co_await ada->stop();
}

TEST(PeerTrouble, ConnectionsWithOneContactAreBounded) {
  run(11, too_many_of_one);
}

task<> too_many(Town& town) {
  NodeOptions options;
  options.most_connections = 2;
  auto ada = co_await town.peer("ada", options);
  ada->listen();
  std::vector<std::unique_ptr<RawPeer>> others;
  for (const char* name : {"bob", "carol"}) {
    others.push_back(co_await testing::dial_raw(town.world, name, "ada"));
    EXPECT_TRUE((co_await others.back()->introduce(new_keys(town), name)).status.ok());
    co_await ada->say(name, "hello");  // no stranger any more, who would give way
  }
  const net::Address address{"ada", testing::port};
  auto third = co_await town.world.host("dave").connect(address, town.world.runtime().now() + 1s);
  co_await ada->events.until([&] { return ada->events.strangers.size() == 1; }, 1s);
  EXPECT_EQ(ada->events.strangers.at(0), "too many contacts are here: closed at once");
  EXPECT_EQ(third.value()->remote(), address);
  co_await others[0]->close();
  co_await town.world.runtime().sleep_for(1s);
  others.push_back(co_await testing::dial_raw(town.world, "dave", "ada"));
  EXPECT_TRUE((co_await others.back()->introduce(new_keys(town), "dave")).status.ok());
  for (std::size_t i = 1; i < others.size(); ++i) co_await others[i]->close();
  co_await ada->stop();
}

TEST(PeerTrouble, ConnectionsAreBounded) {
  run(12, too_many);
}

task<> hang_up(net::Listener& listener, int& callers) {
  for (;;) {
    auto stream = co_await listener.accept();
    if (!stream) co_return;
    ++callers;
  }
}

task<> redials(Town& town) {
  auto listener = town.world.host("ada").listen({"ada", testing::port}).value();
  Scope scope(town.world.runtime());
  int callers = 0;
  scope.spawn("hang up", hang_up(*listener, callers));
  auto bob = co_await town.peer("bob");
  bob->dial("ada");
  co_await town.world.runtime().sleep_for(2min);
  EXPECT_GE(callers, 24) << "every 5 s at least";
  EXPECT_LE(callers, 120) << "with pauses in between";
  EXPECT_EQ(bob->events.unreachable.size(), 1u);
  co_await bob->stop();
  EXPECT_FALSE(bob->node->dial({"ada", testing::port})) << "who leaves dials nobody";
  listener->close();
  co_await scope.join();
}

TEST(PeerTrouble, DialsAgainWithPauses) {
  run(13, redials);
}

task<> outages(Town& town) {
  auto bob = co_await town.peer("bob");
  bob->dial("ada");
  for (std::size_t outage = 1; outage <= 3; ++outage) {
    co_await bob->events.until([&] { return bob->events.unreachable.size() == outage; });
    co_await town.world.runtime().sleep_for(30s);
    EXPECT_EQ(bob->events.unreachable.size(), outage) << "once for each";
    auto ada = co_await town.peer("ada");
    ada->listen();
    co_await bob->events.until([&] { return bob->node->is_here("ada"); });
    co_await ada->stop();
  }
  EXPECT_EQ(bob->events.joined.size(), 3u);
  EXPECT_EQ(bob->events.left.size(), 3u);
  co_await bob->stop();
}

TEST(PeerTrouble, EachOutageIsSaidOnce) {
  run(14, outages);
}

task<> wrong_one(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada", "carol");
  co_await bob->events.until([&] { return !bob->events.refused.empty(); });
  co_await town.world.runtime().sleep_for(60s);
  EXPECT_FALSE(bob->node->dials({"ada", testing::port}));
  EXPECT_EQ(bob->events.refused.size(), 1u) << "not again and again";
  bob->dial("ada", "ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTrouble, WhomWeRefuseIsNotDialedAgain) {
  run(15, wrong_one);
}

task<> forgets_one(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  auto carol = co_await town.peer("carol");
  ada->listen();
  bob->dial("ada");
  carol->dial("ada");
  co_await ada->events.until([&] { return ada->events.joined.size() == 2; });
  co_await carol->stop();
  co_await ada->events.until([&] { return !ada->node->is_here("carol"); });
  co_await ada->say("carol", "for carol");
  const auto forgotten = co_await ada->node->forget("bob");
  EXPECT_TRUE(forgotten && forgotten->given_up.empty());
  co_await ada->events.until([&] { return !ada->node->is_here("bob"); }, 5s);
  EXPECT_EQ(ada->node->unsettled(), 1u) << "of others nothing is given up";
  carol = co_await town.peer("carol");
  carol->dial("ada");
  co_await carol->events.until([&] { return !carol->events.messages.empty(); });
  co_await ada->events.until([&] { return ada->node->unsettled() == 0; });
  co_await carol->stop();
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerTrouble, ForgettingOneEndsItsConnectionsAndTouchesNobodyElse) {
  run(16, forgets_one);
}

}  // namespace
}  // namespace babilu::peer
