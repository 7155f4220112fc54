#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/sim/world.h"
#include "roles/peer/contacts.h"
#include "roles/peer/messages.h"
#include "roles/peer/profile.h"
#include "tests/sim/peer_support.h"

namespace babilu::peer {
namespace {

using namespace std::chrono_literals;
using testing::message_id;
using testing::TemporaryDirectory;

const Arrival stranger{.most_contacts = 10, .most_strangers = 10};
const Room roomy{.of_a_contact = 100, .of_a_stranger = 100, .of_all = 1000};
const Room tight{.of_a_contact = 12, .of_a_stranger = 8, .of_all = 1000};

Introduced somebody(const std::string& name, std::uint8_t seed) {
  return {name, crypto::KeyPair::from_seed(Bytes(32, seed)).public_key()};
}

class PeerProfile : public ::testing::Test {
 protected:
  using Opened = rpc::Outcome<std::unique_ptr<Profile>>;

  static task<> open_into(Runtime& runtime, std::filesystem::path path, std::string name,
                          std::optional<Opened>& opened) {
    Opened got = co_await open_profile(runtime, std::move(path), std::move(name));
    opened.emplace(std::move(got));
  }
  Opened open(const std::string& file, const std::string& name) {
    std::optional<Opened> opened;
    world_.run(open_into(world_.runtime(), directory_ / file, name, opened));
    return std::move(opened.value());
  }
  std::string reason(const std::string& file, const std::string& name) {
    const Opened opened = open(file, name);
    if (opened) return {};
    EXPECT_FALSE(opened.error().message.empty());
    return opened.error().reason;
  }

  template <class Unit>
  static task<> run_unit(Runtime& runtime, store::Store& store, Unit& unit) {
    auto verdict = [&unit](store::Transaction& transaction) {
      unit(transaction);
      return store::commit();
    };
    const auto done = co_await store.write(runtime, std::move(verdict), no_deadline);
    EXPECT_TRUE(done) << done.error().to_string();
  }
  template <class Unit>
  void in(Profile& profile, Unit unit) {
    world_.run(run_unit(world_.runtime(), *profile.store, unit));
  }

  sim::World world_{1};
  TemporaryDirectory directory_;
  const store::WallTime now_ = world_.runtime().clock().wall();
};

TEST_F(PeerProfile, IsMadeForItsOwnerAlone) {
  const auto profile = open("ada.db", "ada");
  ASSERT_TRUE(profile) << profile.error().to_string();
  struct stat status{};
  ASSERT_EQ(::stat((directory_ / "ada.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(PeerProfile, KeepsItsIdentity) {
  const auto key = (*open("ada.db", "ada"))->keys.public_key();
  EXPECT_EQ((*open("ada.db", "ada"))->keys.public_key(), key);
  const auto unnamed = open("ada.db", "");
  ASSERT_TRUE(unnamed);
  EXPECT_EQ(unnamed.value()->name, "ada");
  EXPECT_NE((*open("bob.db", "bob"))->keys.public_key(), key);
}

TEST_F(PeerProfile, ACopyOfTheFileHoldsTheIdentity) {
  const auto profile = open("ada.db", "ada");
  std::filesystem::copy_file(directory_ / "ada.db", directory_ / "copy.db");
  const auto copy = open("copy.db", "");
  ASSERT_TRUE(copy) << copy.error().to_string();
  EXPECT_EQ((*copy)->keys.public_key(), (*profile)->keys.public_key());
}

TEST_F(PeerProfile, SaysWhatIsWrong) {
  EXPECT_EQ(reason("no.db", ""), "no_profile");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "no.db"));
  EXPECT_EQ(reason("ada.db", "Ada!"), "name_invalid");
  EXPECT_EQ(reason("missing/ada.db", "ada"), "profile");
  ASSERT_TRUE(open("ada.db", "ada"));
  EXPECT_EQ(reason("ada.db", "bob"), "other_profile");
}

TEST_F(PeerProfile, RefusesAFileThatIsNoDatabase) {
  const std::string text =
      "Dear diary, this is far more than a hundred bytes of something that "
      "is no database at all, and must stay as it is, whatever happens.";
  std::ofstream(directory_ / "diary.txt") << text;
  const auto opened = open("diary.txt", "ada");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("another kind of file"), std::string::npos)
      << opened.error().message;
  std::ifstream file(directory_ / "diary.txt");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
}

TEST_F(PeerProfile, RefusesTheDatabaseOfAnotherRole) {
  store::StoreOptions options;
  options.path = directory_ / "backend.db";
  options.kind = "backend";
  ASSERT_TRUE(store::Store::open(std::move(options)));
  EXPECT_EQ(reason("backend.db", "ada"), "profile");
}

TEST_F(PeerProfile, RefusesOneOfANewerVersion) {
  {
    auto profile = open("ada.db", "ada");
    ASSERT_TRUE(profile);
    in(*profile.value(), [](store::Transaction& transaction) {
      transaction.execute(
          "update babilu_schema set version = 9, min_reader = 9 where name = 'peer'");
    });
  }
  const auto opened = open("ada.db", "ada");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("newer"), std::string::npos) << opened.error().message;
}

TEST_F(PeerProfile, TrustsOnFirstUse) {
  auto profile = open("ada.db", "ada");
  in(*profile.value(), [this](store::Transaction& t) {
    using Kind = Recognition::Kind;
    const Introduced bob{"bob", crypto::KeyPair::from_seed(Bytes(32, 1)).public_key()};
    const Introduced other_bob{"bob", crypto::KeyPair::from_seed(Bytes(32, 2)).public_key()};
    const Introduced renamed{"robert", bob.key};
    EXPECT_EQ(recognise(t, bob, now_, stranger).kind, Kind::added);
    EXPECT_EQ(recognise(t, bob, now_, stranger).kind, Kind::known);
    const Recognition changed = recognise(t, other_bob, now_, stranger);
    EXPECT_EQ(changed.kind, Kind::key_changed);
    EXPECT_EQ(changed.contact.key, bob.key);
    const Recognition another = recognise(t, renamed, now_, stranger);
    EXPECT_EQ(another.kind, Kind::name_changed);
    EXPECT_EQ(another.contact.name, "bob");
    const Introduced carol{"carol", other_bob.key};
    EXPECT_EQ(recognise(t, carol, now_, {.invited = true, .most_contacts = 0}).kind, Kind::full);
    EXPECT_EQ(recognise(t, bob, now_, {.invited = false}).kind, Kind::known);
    EXPECT_EQ(list_contacts(t).size(), 1u);

    ASSERT_TRUE(forget_contact(t, "bob", now_));
    EXPECT_FALSE(forget_contact(t, "bob", now_));
    EXPECT_FALSE(find_contact(t, "bob"));
    EXPECT_EQ(recognise(t, other_bob, now_, stranger).kind, Kind::added);
    EXPECT_EQ(recognise(t, renamed, now_, stranger).kind, Kind::added);
  });
}

TEST_F(PeerProfile, AnAddressBelongsToTheLastWhoAnsweredThere) {
  auto profile = open("ada.db", "ada");
  in(*profile.value(), [this](store::Transaction& t) {
    const Introduced bob{"bob", crypto::KeyPair::from_seed(Bytes(32, 1)).public_key()};
    const Introduced carol{"carol", crypto::KeyPair::from_seed(Bytes(32, 2)).public_key()};
    const auto bobs = recognise(t, bob, now_, stranger).contact.id;
    const auto carols = recognise(t, carol, now_, stranger).contact.id;
    EXPECT_FALSE(note_address(t, bobs, "host:1"));
    EXPECT_FALSE(note_address(t, bobs, "host:1"));
    EXPECT_EQ(find_contact_at(t, "host:1")->name, "bob");
    EXPECT_EQ(note_address(t, carols, "host:1")->name, "bob");
    EXPECT_EQ(find_contact_at(t, "host:1")->name, "carol");
    EXPECT_EQ(find_contact(t, "bob")->address, "");
  });
}

TEST_F(PeerProfile, KeepsMessagesInOrderAndOnce) {
  auto profile = open("ada.db", "ada");
  in(*profile.value(), [this](store::Transaction& t) {
    const Introduced bob{"bob", crypto::KeyPair::from_seed(Bytes(32, 1)).public_key()};
    const auto id = recognise(t, bob, now_, stranger).contact.id;
    const auto number = keep_outgoing(t, id, {.id = message_id(1), .text = "one"});
    EXPECT_EQ(keep_outgoing(t, id, {.id = message_id(1), .text = "one"}), number);
    keep_outgoing(t, id, {.id = message_id(2), .text = "two"});
    EXPECT_EQ(next_pending(t, id)->text, "one");
    settle(t, *number, MessageState::delivered);
    settle(t, *number, MessageState::refused);
    EXPECT_EQ(next_pending(t, id)->text, "two");

    // The ids of the two directions have nothing to do with each other.
    const Message theirs{.id = message_id(1), .text = "three", .state = MessageState::received};
    EXPECT_EQ(keep_incoming(t, id, theirs, roomy), Receipt::kept);
    EXPECT_EQ(keep_incoming(t, id, theirs, roomy), Receipt::duplicate);
    Message altered = theirs;
    altered.text = "four";
    EXPECT_EQ(keep_incoming(t, id, altered, roomy), Receipt::id_reused);

    const auto all = history(t, "bob", 10);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].text, "one");
    EXPECT_EQ(all[0].state, MessageState::delivered);
    EXPECT_EQ(all[1].state, MessageState::pending);
    EXPECT_EQ(all[2].text, "three");
    EXPECT_EQ(history(t, "bob", 1).at(0).text, "three");

    EXPECT_EQ(forget_contact(t, "bob", now_)->given_up.size(), 1u);
    EXPECT_FALSE(next_pending(t, id));
    EXPECT_FALSE(keep_outgoing(t, id, {.id = message_id(3), .text = "five"}));
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(4), .text = "six"}, roomy),
              Receipt::forgotten);
    EXPECT_EQ(history(t, "bob", 10).size(), 3u);
  });
}

TEST_F(PeerProfile, CountsWhatAContactTakesUp) {
  auto profile = open("ada.db", "ada");
  in(*profile.value(), [this](store::Transaction& t) {
    const Introduced bob{"bob", crypto::KeyPair::from_seed(Bytes(32, 1)).public_key()};
    const auto id = recognise(t, bob, now_, stranger).contact.id;
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(1), .text = "12345"}, tight), Receipt::kept);
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(2), .text = "1234"}, tight), Receipt::full);
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(2), .text = "123"}, tight), Receipt::kept);
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(1), .text = "12345"}, tight),
              Receipt::duplicate);
  });
}

TEST_F(PeerProfile, WhomOneWritesToHasMoreRoomThanAStranger) {
  auto profile = open("ada.db", "ada");
  in(**profile, [this](store::Transaction& t) {
    const auto id = recognise(t, somebody("bob", 1), now_, stranger).contact.id;
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(1), .text = "12345678"}, tight),
              Receipt::kept);
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(2), .text = "x"}, tight), Receipt::full);
    EXPECT_FALSE(find_contact(t, "bob")->accepted);
    keep_outgoing(t, id, {.id = message_id(3), .text = "hello"});
    EXPECT_TRUE(find_contact(t, "bob")->accepted);
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(2), .text = "x"}, tight), Receipt::kept);
  });
}

TEST_F(PeerProfile, AllTogetherHaveARoom) {
  auto profile = open("ada.db", "ada");
  in(**profile, [this](store::Transaction& t) {
    const Room room{.of_a_contact = 100, .of_a_stranger = 100, .of_all = 10};
    const auto bob = recognise(t, somebody("bob", 1), now_, stranger).contact.id;
    const auto eve = recognise(t, somebody("eve", 2), now_, stranger).contact.id;
    EXPECT_EQ(keep_incoming(t, bob, {.id = message_id(1), .text = "123456"}, room), Receipt::kept);
    EXPECT_EQ(keep_incoming(t, eve, {.id = message_id(1), .text = "12345"}, room), Receipt::full);
    EXPECT_EQ(keep_incoming(t, eve, {.id = message_id(1), .text = "1234"}, room), Receipt::kept);
    // Who is dropped makes room.
    Arrival crowded = stranger;
    crowded.most_strangers = 2;
    recognise(t, somebody("carol", 3), now_, crowded);
    EXPECT_FALSE(find_contact(t, "bob"));
    EXPECT_EQ(keep_incoming(t, eve, {.id = message_id(2), .text = "123456"}, room), Receipt::kept);
    EXPECT_EQ(keep_incoming(t, eve, {.id = message_id(3), .text = "1"}, room), Receipt::full);
  });
}

TEST_F(PeerProfile, AStrangerGivesWayToAnotherButAContactDoesNot) {
  auto profile = open("ada.db", "ada");
  in(**profile, [this](store::Transaction& t) {
    using Kind = Recognition::Kind;
    Arrival arrival{.most_contacts = 2, .most_strangers = 3};
    const auto written_to = recognise(t, somebody("written-to", 1), now_, arrival).contact.id;
    keep_outgoing(t, written_to, {.id = message_id(1), .text = "hello"});
    arrival.invited = true;
    EXPECT_EQ(recognise(t, somebody("dialed", 2), now_, arrival).kind, Kind::added);
    EXPECT_EQ(recognise(t, somebody("one-more", 3), now_, arrival).kind, Kind::full);

    arrival.invited = false;
    const auto talker = recognise(t, somebody("talker", 4), now_, arrival).contact.id;
    keep_incoming(t, talker, {.id = message_id(1), .text = "hello"}, roomy);
    const auto present = recognise(t, somebody("present", 5), now_, arrival).contact.id;
    recognise(t, somebody("silent", 6), now_, arrival);
    arrival.here = {present};
    for (std::uint8_t i = 10; i < 60; ++i) {
      const std::string name = "stranger" + std::to_string(i);
      EXPECT_EQ(recognise(t, somebody(name, i), now_, arrival).kind, Kind::added);
    }
    EXPECT_FALSE(find_contact(t, "silent"));
    for (const char* name : {"written-to", "dialed", "talker", "present", "stranger59"}) {
      EXPECT_TRUE(find_contact(t, name)) << name;
    }
    EXPECT_EQ(list_contacts(t).size(), 5u);
    arrival.here = {present, talker, find_contact(t, "stranger59")->id};
    EXPECT_EQ(recognise(t, somebody("late", 99), now_, arrival).kind, Kind::full);
  });
}

}  // namespace
}  // namespace babilu::peer
