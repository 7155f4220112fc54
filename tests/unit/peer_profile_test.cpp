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
    EXPECT_EQ(recognise(t, bob, now_, 10).kind, Kind::added);
    EXPECT_EQ(recognise(t, bob, now_, 10).kind, Kind::known);
    const Recognition changed = recognise(t, other_bob, now_, 10);
    EXPECT_EQ(changed.kind, Kind::key_changed);
    EXPECT_EQ(changed.contact.key, bob.key);
    const Recognition another = recognise(t, renamed, now_, 10);
    EXPECT_EQ(another.kind, Kind::name_changed);
    EXPECT_EQ(another.contact.name, "bob");
    const Introduced carol{"carol", other_bob.key};
    EXPECT_EQ(recognise(t, carol, now_, 1).kind, Kind::full);
    EXPECT_EQ(recognise(t, bob, now_, 1).kind, Kind::known);
    EXPECT_EQ(list_contacts(t).size(), 1u);

    ASSERT_TRUE(forget_contact(t, "bob", now_));
    EXPECT_FALSE(forget_contact(t, "bob", now_));
    EXPECT_FALSE(find_contact(t, "bob"));
    EXPECT_EQ(recognise(t, other_bob, now_, 10).kind, Kind::added);
    EXPECT_EQ(recognise(t, renamed, now_, 10).kind, Kind::added);
  });
}

TEST_F(PeerProfile, AnAddressBelongsToTheLastWhoAnsweredThere) {
  auto profile = open("ada.db", "ada");
  in(*profile.value(), [this](store::Transaction& t) {
    const Introduced bob{"bob", crypto::KeyPair::from_seed(Bytes(32, 1)).public_key()};
    const Introduced carol{"carol", crypto::KeyPair::from_seed(Bytes(32, 2)).public_key()};
    const auto bobs = recognise(t, bob, now_, 10).contact.id;
    const auto carols = recognise(t, carol, now_, 10).contact.id;
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
    const auto id = recognise(t, bob, now_, 10).contact.id;
    const auto number = keep_outgoing(t, id, {.id = message_id(1), .text = "one"});
    EXPECT_EQ(keep_outgoing(t, id, {.id = message_id(1), .text = "one"}), number);
    keep_outgoing(t, id, {.id = message_id(2), .text = "two"});
    EXPECT_EQ(next_pending(t, id)->text, "one");
    settle(t, *number, MessageState::delivered);
    settle(t, *number, MessageState::refused);
    EXPECT_EQ(next_pending(t, id)->text, "two");

    // The ids of the two directions have nothing to do with each other.
    const Message theirs{.id = message_id(1), .text = "three", .state = MessageState::received};
    EXPECT_EQ(keep_incoming(t, id, theirs, 100), Receipt::kept);
    EXPECT_EQ(keep_incoming(t, id, theirs, 100), Receipt::duplicate);
    Message altered = theirs;
    altered.text = "four";
    EXPECT_EQ(keep_incoming(t, id, altered, 100), Receipt::id_reused);

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
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(4), .text = "six"}, 100), Receipt::forgotten);
    EXPECT_EQ(history(t, "bob", 10).size(), 3u);
  });
}

TEST_F(PeerProfile, CountsWhatAContactTakesUp) {
  auto profile = open("ada.db", "ada");
  in(*profile.value(), [this](store::Transaction& t) {
    const Introduced bob{"bob", crypto::KeyPair::from_seed(Bytes(32, 1)).public_key()};
    const auto id = recognise(t, bob, now_, 10).contact.id;
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(1), .text = "12345"}, 8), Receipt::kept);
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(2), .text = "1234"}, 8), Receipt::full);
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(2), .text = "123"}, 8), Receipt::kept);
    EXPECT_EQ(keep_incoming(t, id, {.id = message_id(1), .text = "12345"}, 8), Receipt::duplicate);
  });
}

}  // namespace
}  // namespace babilu::peer
