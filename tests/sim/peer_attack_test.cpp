// Peers that lie, flood, or know no manners.
#include <array>

#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/net/security.h"
#include "roles/api/peer.h"
#include "tests/sim/peer_support.h"
#include "tests/support/size.h"

namespace babilu::peer {
namespace {

using namespace std::chrono_literals;
using testing::message_id;
using testing::Peer;
using testing::RawPeer;
using testing::Town;

void run(std::uint64_t first, task<> (*test)(Town&)) {
  babilu::test::for_each_seed(first, babilu::test::repetitions(1, 20), [&](std::uint64_t seed) {
    Town town(seed);
    town.world.run(test(town), 1h);
  });
}

crypto::KeyPair new_keys(Town& town) {
  return crypto::KeyPair::generate(town.world.runtime().random());
}

task<> changed_key(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  co_await bob->stop();
  co_await ada->events.until([&] { return !ada->node->is_here("bob"); });
  co_await ada->say("bob", "for bob alone");

  auto impostor = co_await town.namesake("bob", "elsewhere");
  impostor->dial("ada");
  co_await ada->events.until([&] { return !ada->events.refused.empty(); });
  co_await impostor->events.until([&] { return !impostor->events.refused_us.empty(); });

  const Refusal& refusal = ada->events.refused.at(0);
  EXPECT_EQ(refusal.why.reason, "key_changed");
  EXPECT_EQ(refusal.name, "bob");
  EXPECT_EQ(refusal.shown, impostor->profile->keys.public_key());
  EXPECT_TRUE(refusal.known);
  EXPECT_EQ(refusal.known.value().key, bob->profile->keys.public_key());
  EXPECT_EQ(impostor->events.refused_us.at(0).reason, "key_changed");
  EXPECT_FALSE(impostor->node->dials({"ada", testing::port}));  // not again and again

  const auto contacts = co_await ada->contacts();
  EXPECT_EQ(contacts.size(), 1u);
  EXPECT_EQ(contacts.at(0).key, bob->profile->keys.public_key());
  EXPECT_EQ(ada->events.joined.size(), 1u);
  EXPECT_TRUE(impostor->events.messages.empty());
  EXPECT_EQ(ada->node->unsettled(), 1u);
  co_await impostor->stop();
  co_await ada->stop();
}

TEST(PeerAttack, AChangedKeyIsRefusedLoudly) {
  run(1, changed_key);
}

task<> changed_name(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  const auto keys = new_keys(town);
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_TRUE((co_await eve->introduce(keys, "eve")).status.ok());
  co_await eve->close();
  eve = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_EQ((co_await eve->introduce(keys, "mallory")).status.reason, "name_changed");
  EXPECT_EQ((co_await eve->ended()).reason, "name_changed");
  EXPECT_EQ(ada->events.refused.at(0).known.value().name, "eve");
  EXPECT_EQ((co_await ada->contacts()).size(), 1u);
  co_await eve->close();
  co_await ada->stop();
}

TEST(PeerAttack, AKnownKeyUnderANewNameIsRefused) {
  run(2, changed_name);
}

task<> expect_refused(Peer& peer, RawPeer& raw, rpc::Reply reply, std::string reason) {
  EXPECT_EQ(reply.status.reason, reason);
  EXPECT_EQ((co_await raw.ended()).reason, reason);
  co_await raw.close();
  EXPECT_FALSE(peer.events.refused.empty());
  EXPECT_EQ(peer.events.refused.at(peer.events.refused.size() - 1).why.reason, reason);
  EXPECT_TRUE(peer.events.joined.empty());
  EXPECT_TRUE((co_await peer.contacts()).empty());
}

task<> anothers_key(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  const Secret binding = eve->stream().channel_binding(binding_label);
  api::IntroduceRequest lie;
  introduce(new_keys(town), "bob", rpc::Side::dialer, binding, lie);
  const auto bobs = new_keys(town);
  lie.set_public_key(bobs.public_key().data(), bobs.public_key().size());
  rpc::Reply reply = co_await eve->call(api::Peer::introduce.traits.id, lie);
  co_await expect_refused(*ada, *eve, std::move(reply), "bad_signature");
  co_await ada->stop();
}

TEST(PeerAttack, AKeyThatIsAnothersIsRefused) {
  run(3, anothers_key);
}

task<> replay(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  // Bob dials Eve, who keeps what he says and tells it to Ada.
  auto listener = town.world.host("eve").listen({"eve", testing::port}).value();
  bob->dial("eve");
  RawPeer to_bob(town.world, co_await testing::accept_tls(town.world, *listener),
                 rpc::Side::listener);
  const api::IntroduceRequest bobs = co_await to_bob.their_introduction();
  auto to_ada = co_await testing::dial_raw(town.world, "eve", "ada");
  rpc::Reply reply = co_await to_ada->call(api::Peer::introduce.traits.id, bobs);
  co_await expect_refused(*ada, *to_ada, std::move(reply), "bad_signature");
  co_await to_bob.close();
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, AnIntroductionFromAnotherConnectionIsRefused) {
  run(4, replay);
}

task<> reflect(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  const api::IntroduceRequest adas = co_await eve->their_introduction();
  rpc::Reply reply = co_await eve->call(api::Peer::introduce.traits.id, adas);
  co_await expect_refused(*ada, *eve, std::move(reply), "bad_signature");
  co_await ada->stop();
}

TEST(PeerAttack, OnesOwnIntroductionReflectedIsRefused) {
  run(5, reflect);
}

task<> carry(net::Stream& from, net::Stream& to, Runtime& runtime) {
  for (;;) {
    Bytes buffer(16 * 1024);
    const net::Transfer got = from.read_some(buffer);
    if (got.bytes > 0) {
      const error_code error = co_await net::write_all(to, ByteView(buffer).first(got.bytes));
      if (error) break;
      co_await net::flush(to);
    } else if (got.error == boost::asio::error::would_block) {
      const error_code error = co_await from.readable();
      if (error) break;
    } else {
      break;
    }
  }
  co_await runtime.yield();
  from.shutdown();
  to.shutdown();
}

task<> relay(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  auto listener = town.world.host("eve").listen({"eve", testing::port}).value();
  bob->dial("eve");
  // Eve has a good TLS connection with each, and passes all that they say.
  const auto to_bob = co_await testing::accept_tls(town.world, *listener);
  const auto to_ada = co_await testing::dial_tls(town.world, "eve", "ada");
  Scope scope(town.world.runtime());
  scope.spawn("to ada", carry(*to_bob, *to_ada, town.world.runtime()));
  scope.spawn("to bob", carry(*to_ada, *to_bob, town.world.runtime()));
  co_await ada->events.until([&] { return !ada->events.refused.empty(); });
  co_await bob->events.until([&] { return !bob->events.refused.empty(); });
  EXPECT_EQ(ada->events.refused.at(0).why.reason, "bad_signature");
  EXPECT_EQ(bob->events.refused.at(0).why.reason, "bad_signature");
  EXPECT_TRUE(ada->events.joined.empty());
  EXPECT_TRUE(bob->events.joined.empty());
  co_await scope.join();
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, SomebodyInBetweenIsRefusedByBoth) {
  run(6, relay);
}

task<> not_introduced(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  const auto keys = new_keys(town);
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  const rpc::Reply early = co_await eve->deliver(message_id(1), "hello");
  EXPECT_EQ(early.status.code, rpc::Code::unauthenticated);
  EXPECT_EQ(early.status.reason, "not_introduced");
  EXPECT_TRUE(eve->open());
  EXPECT_TRUE((co_await eve->introduce(keys, "eve")).status.ok());
  EXPECT_EQ((co_await eve->introduce(keys, "eve")).status.reason, "introduced_already");
  EXPECT_TRUE((co_await eve->deliver(message_id(1), "hello")).status.ok());
  EXPECT_EQ(ada->events.messages.size(), 1u);
  co_await eve->close();

  auto silent = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_EQ((co_await silent->ended()).reason, "no_introduction");
  co_await silent->close();
  co_await ada->stop();
}

TEST(PeerAttack, NothingIsDoneBeforeAnIntroduction) {
  run(7, not_introduced);
}

task<> bad_introductions(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  const auto keys = new_keys(town);
  struct Case {
    std::string name;
    std::string key;  // empty: the right one
    std::string reason;
  };
  const std::vector<Case> cases = {
      {"", "", "name_invalid"},
      {std::string(65, 'a'), "", "name_invalid"},
      {"Bob", "", "name_invalid"},
      {"-bob", "", "name_invalid"},
      {"b\x1b[2J", "", "name_invalid"},
      {"bob", std::string(31, 'x'), "key_invalid"},
      {"bob", std::string(32, '\0'), "key_invalid"},
      {"ada", "", "same_name"},
  };
  for (const Case& bad : cases) {
    auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
    const Secret binding = eve->stream().channel_binding(binding_label);
    api::IntroduceRequest introduction;
    introduce(keys, bad.name, rpc::Side::dialer, binding, introduction);
    if (!bad.key.empty()) introduction.set_public_key(bad.key);
    rpc::Reply reply = co_await eve->call(api::Peer::introduce.traits.id, introduction);
    co_await expect_refused(*ada, *eve, std::move(reply), bad.reason);
  }
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  rpc::Reply reply = co_await eve->introduce(ada->profile->keys, "not-ada");
  co_await expect_refused(*ada, *eve, std::move(reply), "yourself");
  co_await ada->stop();
}

TEST(PeerAttack, BadIntroductionsAreRefused) {
  run(8, bad_introductions);
}

task<> bad_messages(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  const auto keys = new_keys(town);
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  co_await eve->introduce(keys, "eve");
  struct Case {
    std::string text;
    std::string reason;
  };
  const std::vector<Case> cases = {{"", "text_empty"},
                                   {std::string(16 * 1024 + 1, 'x'), "text_too_long"},
                                   {"\xC3(", "bad_message"},
                                   {std::string("a\0b", 3), "text_not_utf8"}};
  std::uint8_t number = 0;
  for (const Case& bad : cases) {
    const rpc::Reply reply = co_await eve->deliver(message_id(++number), bad.text);
    EXPECT_EQ(reply.status.reason, bad.reason);
    EXPECT_EQ(reply.status.code, rpc::Code::invalid_argument);
  }
  api::DeliverRequest request;
  request.set_text("hello");
  request.set_message_id("short");
  EXPECT_EQ((co_await eve->call(api::Peer::deliver.traits.id, request)).status.reason,
            "message_id");
  request.set_message_id(std::string(16, 'x'));
  request.set_sent_at(UINT64_MAX);
  EXPECT_EQ((co_await eve->call(api::Peer::deliver.traits.id, request)).status.reason, "sent_at");
  EXPECT_EQ((co_await eve->call(0x1077, request)).status.code, rpc::Code::unimplemented);

  EXPECT_TRUE((co_await eve->deliver(message_id(99), std::string(16 * 1024, 'x'))).status.ok());
  EXPECT_EQ(ada->events.messages.size(), 1u);
  EXPECT_EQ((co_await ada->history("eve")).size(), 1u);
  co_await eve->close();
  co_await ada->stop();
}

TEST(PeerAttack, BadMessagesAreRefusedOneByOne) {
  run(9, bad_messages);
}

task<> flood(RawPeer& eve, int first, int& too_fast) {
  for (int i = 0; i < 500 && eve.open(); ++i) {
    MessageId id{};
    id[0] = static_cast<std::uint8_t>(first);
    id[1] = static_cast<std::uint8_t>(i);
    id[2] = static_cast<std::uint8_t>(i >> 8);
    const rpc::Reply reply = co_await eve.deliver(id, "buy now");
    if (reply.status.reason == "too_fast") {
      ++too_fast;
      EXPECT_GT(reply.status.retry_after, 0ms);
    }
  }
}

task<> flooded(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  const auto keys = new_keys(town);
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  co_await eve->introduce(keys, "eve");
  Scope scope(town.world.runtime());
  int too_fast = 0;
  for (int i = 0; i < 8; ++i) scope.spawn("flood", flood(*eve, i, too_fast));
  for (int i = 0; i < 20; ++i) {
    co_await bob->say("ada", "calmly " + std::to_string(i));
    co_await bob->events.until([&] { return bob->node->unsettled() == 0; }, 1s);
  }
  co_await scope.join();
  EXPECT_EQ((co_await eve->ended()).reason, "flood");
  EXPECT_GE(too_fast, 100);
  EXPECT_EQ(ada->events.refused.at(0).why.reason, "flood");
  EXPECT_EQ(ada->events.refused.at(0).name, "eve");
  EXPECT_LE((co_await ada->history("eve")).size(), 200u);
  EXPECT_EQ((co_await ada->history("bob")).size(), 20u);
  EXPECT_TRUE(ada->node->is_here("bob"));
  co_await eve->close();
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, AFloodIsLimitedThenCutWhileOthersTalkOn) {
  run(10, flooded);
}

task<> fill_the_disk(Town& town) {
  NodeOptions options;
  options.room.of_a_stranger = 100;
  auto ada = co_await town.peer("ada", options);
  ada->listen();
  const auto keys = new_keys(town);
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  co_await eve->introduce(keys, "eve");
  EXPECT_TRUE((co_await eve->deliver(message_id(1), std::string(60, 'x'))).status.ok());
  const rpc::Reply refused = co_await eve->deliver(message_id(2), std::string(60, 'x'));
  EXPECT_EQ(refused.status.reason, "contact_full");
  EXPECT_EQ(refused.status.code, rpc::Code::resource_exhausted);
  EXPECT_TRUE((co_await eve->deliver(message_id(3), std::string(40, 'x'))).status.ok());
  EXPECT_EQ(ada->events.messages.size(), 2u);
  co_await eve->close();
  co_await ada->stop();
}

TEST(PeerAttack, OneContactCannotFillTheDisk) {
  run(11, fill_the_disk);
}

task<> many_strangers(Town& town) {
  NodeOptions options;
  options.most_strangers_kept = 2;
  options.most_contacts = 1;
  auto ada = co_await town.peer("ada", options);
  ada->listen();
  auto bob = co_await town.peer("bob");
  bob->dial("ada");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  co_await ada->say("bob", "hello");
  for (int i = 0; i < 10; ++i) {
    auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
    const rpc::Reply reply = co_await eve->introduce(new_keys(town), "eve" + std::to_string(i));
    EXPECT_TRUE(reply.status.ok()) << reply.status.to_string();
    co_await eve->close();
  }
  std::vector<std::string> names;
  for (const Contact& contact : co_await ada->contacts()) names.push_back(contact.name);
  EXPECT_EQ(names, (std::vector<std::string>{"bob", "eve8", "eve9"}));
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, StrangersAreBoundedAndKeepNobodyOut) {
  run(12, many_strangers);
}

task<> crowd(Town& town) {
  NodeOptions options;
  options.most_strangers = 8;
  auto ada = co_await town.peer("ada", options);
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  const net::Address address{"ada", testing::port};
  std::vector<net::StreamPtr> silent;
  auto honest = co_await town.world.host("dave").connect(address, town.world.runtime().now() + 1s);
  for (int i = 0; i < 20; ++i) {
    auto stream = co_await town.world.host("eve").connect(address, town.world.runtime().now() + 1s);
    silent.push_back(std::move(stream.value()));
  }
  // Whoever comes from elsewhere gets in at once, and has a share that nobody takes.
  auto carol = co_await town.peer("carol");
  carol->dial("ada");
  co_await carol->events.until([&] { return carol->node->is_here("ada"); }, 1s);
  co_await bob->say("ada", "are you still there?");
  co_await ada->events.until([&] { return ada->events.messages.size() == 1; }, 1s);
  EXPECT_EQ(ada->events.strangers.size(), 13u + 1u);  // of 21, 8 stay, and carol needed a place
  std::array<std::uint8_t, 1> byte{};
  EXPECT_EQ(honest.value()->read_some(byte).error, boost::asio::error::would_block);
  // The silent ones are given up in time.
  co_await ada->events.until([&] { return ada->events.strangers.size() == 21; }, 10s);
  EXPECT_TRUE(ada->node->is_here("bob"));
  co_await carol->stop();
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, SilentConnectionsKeepNobodyOut) {
  run(13, crowd);
}

task<> crowd_of_strangers(Town& town) {
  NodeOptions options;
  options.most_connections = 4;
  auto ada = co_await town.peer("ada", options);
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  co_await ada->say("bob", "hello");
  std::vector<std::unique_ptr<RawPeer>> eves;
  for (int i = 0; i < 6; ++i) {
    eves.push_back(co_await testing::dial_raw(town.world, "eve", "ada"));
    co_await eves.back()->introduce(new_keys(town), "eve" + std::to_string(i));
  }
  auto carol = co_await town.peer("carol");
  carol->dial("ada");
  co_await carol->events.until([&] { return carol->node->is_here("ada"); }, 1s);
  EXPECT_TRUE(ada->node->is_here("bob"));
  EXPECT_EQ(ada->events.left.size(), 4u);  // of 6 strangers, for 3 of them and carol
  for (const auto& left : ada->events.left) EXPECT_EQ(left.ending.why.reason, "gave_way");
  for (auto& eve : eves) co_await eve->close();
  co_await carol->stop();
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, StrangersWhoAreIntroducedKeepNobodyOutEither) {
  run(17, crowd_of_strangers);
}

task<> only_one(Town& town) {
  auto ada = co_await town.peer("ada", {.only = "bob"});
  ada->listen();
  auto eve = co_await testing::dial_raw(town.world, "eve", "ada");
  EXPECT_EQ((co_await eve->introduce(new_keys(town), "eve")).status.reason, "other_name");
  co_await eve->close();
  auto bob = co_await town.peer("bob");
  bob->dial("ada");
  co_await ada->events.until([&] { return ada->node->is_here("bob"); });
  EXPECT_TRUE((co_await ada->contacts()).at(0).accepted);
  EXPECT_EQ((co_await ada->contacts()).size(), 1u);
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, WhoWaitsForOneTalksToNobodyElse) {
  run(18, only_one);
}

task<> wrong_protocol(Town& town) {
  auto ada = co_await town.peer("ada");
  ada->listen();
  const net::Address address{"ada", testing::port};
  for (const std::string_view bytes :
       {std::string_view("GET / HTTP/1.1\r\nHost: ada\r\n\r\n"),
        std::string_view("\xFF\x00\x13\x37 whatever this is, it is no handshake", 41)}) {
    auto stream = co_await town.world.host("eve").connect(address, town.world.runtime().now() + 1s);
    const std::size_t before = ada->events.strangers.size();
    co_await net::write_all(*stream.value(), bytes_of(bytes));
    co_await ada->events.until([&] { return ada->events.strangers.size() > before; }, 10s);
  }
  auto bob = co_await town.peer("bob");
  bob->dial("ada");
  co_await bob->events.until([&] { return bob->node->is_here("ada"); });
  EXPECT_EQ(ada->events.joined.size(), 1u);
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, OtherProtocolsAreTurnedAway) {
  run(14, wrong_protocol);
}

task<> no_encryption(Town& town) {
  auto bob = co_await town.peer("bob");
  auto ada = co_await town.peer("ada");
  net::Plaintext plaintext;
  Node open(town.world.runtime(), town.world.host("open"), plaintext, *ada->profile, {},
            ada->events);
  open.listen(town.world.host("open").listen({"open", testing::port}).value());
  Node dialer(town.world.runtime(), town.world.host("bob"), plaintext, *bob->profile, {},
              bob->events);
  dialer.dial({"open", testing::port});
  co_await bob->events.until([&] { return !bob->events.unreachable.empty(); });
  EXPECT_EQ(bob->events.unreachable.at(0).reason, "no_channel_binding");
  EXPECT_TRUE(ada->events.joined.empty());
  co_await dialer.leave(town.world.runtime().now() + 1s);
  co_await open.leave(town.world.runtime().now() + 1s);
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, NobodyIsBelievedWithoutEncryption) {
  run(15, no_encryption);
}

task<> expected_another(Town& town) {
  auto ada = co_await town.peer("ada");
  auto bob = co_await town.peer("bob");
  ada->listen();
  bob->dial("ada", "carol");
  co_await bob->events.until([&] { return !bob->events.refused.empty(); });
  EXPECT_EQ(bob->events.refused.at(0).why.reason, "other_name");
  EXPECT_TRUE((co_await bob->contacts()).empty());
  co_await ada->events.until([&] { return !ada->events.refused_us.empty(); });
  EXPECT_TRUE(ada->events.joined.empty());
  EXPECT_TRUE(bob->events.joined.empty());
  co_await bob->stop();
  co_await ada->stop();
}

TEST(PeerAttack, OnlyWhoeverWasExpectedIsAccepted) {
  run(16, expected_another);
}

}  // namespace
}  // namespace babilu::peer
