// What a person sees and types, on both sides.
#include <gtest/gtest.h>

#include "roles/peer/terminal/console.h"
#include "tests/sim/peer_support.h"
#include "tests/support/size.h"
#include "tests/support/status.h"

namespace babilu::peer {
namespace {

using namespace std::chrono_literals;
using testing::Town;

class RecordingScreen final : public Screen {
 public:
  void show(Style style, std::string_view text) override {
    shown.push_back({style, std::string(text)});
  }
  void talk_to(std::string_view name) override { talking_to = name; }
  bool interactive() const noexcept override { return true; }

  /// Whether something in this style holds the text.
  bool has(Style style, std::string_view text) const {
    for (const auto& [its_style, its_text] : shown) {
      if (its_style == style && its_text.find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::string all() const {
    std::string out;
    for (const auto& [style, text] : shown) out += text + '\n';
    return out;
  }

  std::vector<std::pair<Style, std::string>> shown;
  std::string talking_to;
};

/// A peer with a person in front of it.
struct Person {
  Person(Town& town, std::unique_ptr<testing::Peer> its_peer)
      : peer(std::move(its_peer)),
        console(town.world.runtime(), *peer->profile, screen),
        node(town.world.runtime(), town.world.host(peer->host), peer->security, *peer->profile, {},
             console) {
    console.use(node);
  }
  void listen(Town& town) {
    node.listen(town.world.host(peer->host).listen({peer->host, testing::port}).value());
  }
  task<> type(std::string line) { co_await console.take({std::move(line)}); }

  std::unique_ptr<testing::Peer> peer;
  RecordingScreen screen;
  Console console;
  Node node;
};

task<std::unique_ptr<Person>> person(Town& town, std::string name) {
  auto peer = co_await town.peer(name);
  co_return std::make_unique<Person>(town, std::move(peer));
}

task<> leave(Town& town, Person& person) {
  co_await person.node.leave(town.world.runtime().now() + 3s);
}

void run(std::uint64_t first, task<> (*test)(Town&)) {
  babilu::test::for_each_seed(first, babilu::test::repetitions(1, 20), [&](std::uint64_t seed) {
    Town town(seed);
    town.world.run(test(town), 1h);
  });
}

task<> conversation(Town& town) {
  Runtime& runtime = town.world.runtime();
  auto ada = co_await person(town, "ada");
  auto bob = co_await person(town, "bob");
  ada->listen(town);
  co_await bob->type("hello?");
  EXPECT_TRUE(bob->screen.has(Style::notice, "nobody to talk to yet"));
  EXPECT_TRUE(bob->console.failed());
  co_await bob->type("/connect ada:7500");
  co_await runtime.sleep_for(1s);
  EXPECT_EQ(bob->screen.talking_to, "ada");
  EXPECT_EQ(ada->screen.talking_to, "");
  EXPECT_TRUE(ada->screen.has(Style::notice, "somebody new"));
  EXPECT_TRUE(ada->screen.has(Style::notice, "/to bob"));
  co_await ada->type("meant for a friend");
  EXPECT_TRUE(ada->screen.has(Style::notice, "nobody to talk to yet"));

  co_await bob->type("hello\x1B[2J");
  co_await ada->type("/to bob good morning");
  co_await runtime.sleep_for(1s);
  EXPECT_TRUE(ada->screen.has(Style::message, " bob> hello␛[2J")) << ada->screen.all();
  EXPECT_TRUE(bob->screen.has(Style::message, " ada> good morning"));
  EXPECT_FALSE(bob->screen.has(Style::message, "friend"));
  EXPECT_FALSE(bob->screen.has(Style::notice, "delivered"));  // as it should be

  co_await bob->type("/who");
  EXPECT_TRUE(bob->screen.has(Style::answer, "* ada"));
  EXPECT_TRUE(bob->screen.has(Style::answer, "here"));
  co_await bob->type("/history");
  EXPECT_TRUE(bob->screen.has(Style::answer, "bob> hello"));
  EXPECT_TRUE(bob->screen.has(Style::answer, "ada> good morning"));
  co_await bob->type("/nonsense");
  EXPECT_TRUE(bob->screen.has(Style::notice, "no such command"));
  co_await leave(town, *bob);
  co_await runtime.sleep_for(1s);
  EXPECT_TRUE(ada->screen.has(Style::notice, "bob left"));
  co_await leave(town, *ada);
}

TEST(PeerConsole, TwoPeopleTalk) {
  run(1, conversation);
}

task<> vanishing(Town& town) {
  Runtime& runtime = town.world.runtime();
  auto ada = co_await person(town, "ada");
  auto bob = co_await person(town, "bob");
  ada->listen(town);
  co_await bob->type("/connect ada:7500");
  co_await runtime.sleep_for(1s);
  co_await ada->type("/to bob");
  town.world.partition("ada", "bob");
  co_await ada->type("on its way");
  co_await runtime.sleep_for(6s);
  EXPECT_TRUE(ada->screen.has(Style::notice, "bob has gone: no answer any more; a message is kept"))
      << ada->screen.all();
  co_await ada->type("kept");
  EXPECT_TRUE(ada->screen.has(Style::notice, "kept; will be sent when bob is back"));
  town.world.heal("ada", "bob");
  co_await runtime.sleep_for(20s);
  EXPECT_TRUE(ada->screen.has(Style::notice, "delivered to bob: \"on its way\""));
  EXPECT_TRUE(ada->screen.has(Style::notice, "delivered to bob: \"kept\""));
  EXPECT_TRUE(bob->screen.has(Style::message, "ada> kept"));
  co_await leave(town, *bob);
  co_await leave(town, *ada);
}

TEST(PeerConsole, SaysThatAPeerVanishedAndWhatBecomesOfMessages) {
  run(2, vanishing);
}

task<> impostor(Town& town) {
  Runtime& runtime = town.world.runtime();
  auto ada = co_await person(town, "ada");
  auto bob = co_await person(town, "bob");
  ada->listen(town);
  co_await bob->type("/connect ada:7500");
  co_await runtime.sleep_for(1s);
  co_await leave(town, *bob);
  auto other = std::make_unique<Person>(town, co_await town.namesake("bob", "elsewhere"));
  co_await other->type("/connect ada:7500");
  co_await runtime.sleep_for(1s);
  EXPECT_TRUE(ada->screen.has(Style::alarm, "REFUSED")) << ada->screen.all();
  EXPECT_TRUE(ada->screen.has(Style::alarm, "ANOTHER KEY"));
  EXPECT_TRUE(ada->screen.has(Style::alarm, "/forget bob"));
  EXPECT_TRUE(other->screen.has(Style::alarm, "refuses to talk to you"));
  EXPECT_TRUE(other->console.refused());
  co_await ada->type("/forget bob");
  EXPECT_TRUE(ada->screen.has(Style::answer, "forgotten"));
  EXPECT_EQ(ada->screen.talking_to, "");
  co_await other->type("/connect ada:7500");
  co_await runtime.sleep_for(1s);
  EXPECT_TRUE(ada->node.is_here("bob"));
  EXPECT_EQ(ada->screen.talking_to, "");
  co_await leave(town, *other);
  co_await leave(town, *ada);
}

TEST(PeerConsole, AChangedKeyIsSaidLoudlyWithWhatToDo) {
  run(3, impostor);
}

task<> many_strangers(Town& town) {
  auto ada = co_await person(town, "ada");
  for (int i = 0; i < 100; ++i) {
    ada->console.on_stranger({"eve", 1}, "\x1B[2Jknocking");
    Refusal refusal;
    refusal.why = test::status(rpc::Code::unauthenticated, "bad_signature", "\x1B[2J");
    ada->console.on_refused(refusal);
  }
  EXPECT_LE(ada->screen.shown.size(), 12u);
  co_await town.world.runtime().sleep_for(60s);
  ada->console.on_stranger({"eve", 1}, "knocking");
  EXPECT_TRUE(ada->screen.has(Style::notice, "190 more such lines were left out"));
  EXPECT_EQ(ada->screen.all().find('\x1B'), std::string::npos);
  co_await leave(town, *ada);
}

TEST(PeerConsole, StrangersCannotFloodTheScreen) {
  run(4, many_strangers);
}

task<> partners(Town& town) {
  Runtime& runtime = town.world.runtime();
  auto ada = co_await person(town, "ada");
  ada->listen(town);
  auto bob = co_await person(town, "bob");
  co_await bob->type("/connect ada:7500");
  co_await runtime.sleep_for(1s);
  co_await ada->type("/to bob hello");
  EXPECT_EQ(ada->screen.talking_to, "");
  co_await leave(town, *bob);
  co_await runtime.sleep_for(1s);
  bob = co_await person(town, "bob");
  co_await bob->type("/connect ada:7500");
  co_await runtime.sleep_for(1s);
  EXPECT_EQ(ada->screen.talking_to, "bob");  // no stranger any more

  // Another program of ada's forgets bob; somebody else comes under this name.
  auto forget = [now = runtime.clock().wall()](store::Transaction& transaction) {
    forget_contact(transaction, "bob", now);
    return store::commit();
  };
  co_await ada->peer->profile->store->write(runtime, std::move(forget), no_deadline);
  co_await leave(town, *bob);
  co_await runtime.sleep_for(1s);
  auto impostor = std::make_unique<Person>(town, co_await town.namesake("bob", "elsewhere"));
  co_await impostor->type("/connect ada:7500");
  co_await runtime.sleep_for(1s);
  EXPECT_TRUE(ada->node.is_here("bob"));
  EXPECT_EQ(ada->screen.talking_to, "");
  co_await leave(town, *impostor);
  co_await leave(town, *ada);
}

TEST(PeerConsole, AStrangerIsNeverTalkedToUnasked) {
  run(5, partners);
}

task<> awaited(Town& town) {
  Runtime& runtime = town.world.runtime();
  auto ada = co_await person(town, "ada");
  ada->console.expect({.name = "bob"});
  ada->listen(town);
  for (const char* name : {"carol", "bob"}) {
    auto other = co_await person(town, name);
    co_await other->type("/connect ada:7500");
    co_await runtime.sleep_for(1s);
    EXPECT_EQ(ada->screen.talking_to, name == std::string("bob") ? "bob" : "");
    co_await leave(town, *other);
  }
  co_await leave(town, *ada);
}

TEST(PeerConsole, WhoIsWaitedForByNameIsTalkedTo) {
  run(6, awaited);
}

task<> noise(Town& town) {
  auto ada = co_await person(town, "ada");
  for (int i = 0; i < 100; ++i) ada->console.on_stranger({"eve", 1}, "knocking");
  Refusal refusal;
  refusal.name = "bob";
  refusal.why = test::status(rpc::Code::permission_denied, "key_changed", "another key");
  refusal.known = Contact{.name = "bob"};
  ada->console.on_refused(refusal);
  ada->console.on_trouble("the disk is full");
  EXPECT_TRUE(ada->screen.has(Style::alarm, "ANOTHER KEY"));
  EXPECT_TRUE(ada->screen.has(Style::alarm, "the disk is full"));
  const Contact eve{.name = "eve", .accepted = false};
  for (int i = 0; i < 100; ++i) {
    ada->console.on_joined({.contact = eve, .address = {"eve", 1}, .added = true});
    ada->console.on_message(eve, {.text = "buy now"});
    ada->console.on_left(eve, {});
  }
  EXPECT_LE(ada->screen.shown.size(), 13u);
  co_await leave(town, *ada);
}

TEST(PeerConsole, StrangersCannotHideWhatMatters) {
  run(7, noise);
}

task<> another_at_the_address(Town& town) {
  auto ada = co_await person(town, "ada");
  ada->console.on_joined({.contact = {.name = "carol"},
                          .address = {"bob", 1},
                          .dialed = true,
                          .was_there_before = Contact{.name = "bob"}});
  EXPECT_EQ(ada->screen.talking_to, "");
  EXPECT_TRUE(ada->screen.has(Style::alarm, "there used to be bob")) << ada->screen.all();
  co_await leave(town, *ada);
}

TEST(PeerConsole, SomebodyElseAtAnAddressIsNotTalkedToUnasked) {
  run(10, another_at_the_address);
}

task<> refused_for_good(Town& town) {
  auto ada = co_await person(town, "ada");
  ada->console.on_settled(
      {.name = "bob"}, {.text = "hello"},
      test::status(rpc::Code::permission_denied, "forgotten", "you are forgotten"));
  EXPECT_TRUE(ada->console.failed());
  co_await leave(town, *ada);
}

TEST(PeerConsole, AMessageThatIsNeverTakenIsAFailure) {
  run(8, refused_for_good);
}

task<> pending_from_before(Town& town) {
  Runtime& runtime = town.world.runtime();
  auto ada = co_await person(town, "ada");
  ada->listen(town);
  {
    auto bob = co_await person(town, "bob");
    co_await bob->type("/connect ada:7500");
    co_await runtime.sleep_for(1s);
    co_await leave(town, *ada);
    co_await runtime.sleep_for(1s);
    co_await bob->type("one");
    co_await bob->type("two");
    co_await leave(town, *bob);
  }
  auto bob = co_await person(town, "bob");
  EXPECT_EQ((co_await bob->console.undelivered())->concerned, 0u);
  EXPECT_EQ((co_await bob->console.undelivered())->text, "2 for ada");
  bob->console.talk_to("ada");
  EXPECT_EQ((co_await bob->console.undelivered())->concerned, 2u);
  ada = co_await person(town, "ada");
  ada->listen(town);
  co_await bob->type("/connect ada:7500");
  co_await runtime.sleep_for(10s);
  EXPECT_EQ((co_await bob->console.undelivered())->concerned, 0u);
  EXPECT_EQ((co_await bob->console.undelivered())->text, "");
  co_await leave(town, *bob);
  co_await leave(town, *ada);
}

TEST(PeerConsole, KnowsWhatIsPendingFromBefore) {
  run(9, pending_from_before);
}

}  // namespace
}  // namespace babilu::peer
