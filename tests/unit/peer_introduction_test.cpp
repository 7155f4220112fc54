#include <gtest/gtest.h>

#include "core/crypto/random.h"
#include "roles/api/peer.pb.h"
#include "roles/peer/contact.h"
#include "roles/peer/introduction.h"

namespace babilu::peer {
namespace {

using rpc::Side;

const Bytes binding(32, 0x5A);
const Bytes other_binding(32, 0x5B);

const crypto::KeyPair& ada() {
  static const crypto::KeyPair keys = crypto::KeyPair::from_seed(Bytes(32, 1));
  return keys;
}

api::IntroduceRequest from_ada(Side side = Side::dialer) {
  api::IntroduceRequest introduction;
  introduce(ada(), "ada", side, binding, introduction);
  return introduction;
}

std::string reason(const api::IntroduceRequest& introduction, Side side = Side::dialer,
                   ByteView bound_to = binding) {
  const auto checked = check_introduction(introduction, side, bound_to);
  return checked ? "" : checked.error().reason;
}

TEST(PeerIntroduction, IsBelievedOnItsOwnConnection) {
  const auto checked = check_introduction(from_ada(), Side::dialer, binding);
  ASSERT_TRUE(checked) << checked.error().to_string();
  EXPECT_EQ(checked->name, "ada");
  EXPECT_EQ(checked->key, ada().public_key());
  EXPECT_EQ(reason(from_ada(Side::listener), Side::listener), "");
}

TEST(PeerIntroduction, IsWorthNothingOnAnotherConnection) {
  EXPECT_EQ(reason(from_ada(), Side::dialer, other_binding), "bad_signature");
}

TEST(PeerIntroduction, IsWorthNothingFromTheOtherSide) {
  EXPECT_EQ(reason(from_ada(Side::dialer), Side::listener), "bad_signature");
  EXPECT_EQ(reason(from_ada(Side::listener), Side::dialer), "bad_signature");
}

TEST(PeerIntroduction, CoversNameAndKey) {
  api::IntroduceRequest renamed = from_ada();
  renamed.set_name("bob");
  EXPECT_EQ(reason(renamed), "bad_signature");

  const crypto::KeyPair eve = crypto::KeyPair::from_seed(Bytes(32, 2));
  api::IntroduceRequest stolen = from_ada();
  stolen.set_public_key(eve.public_key().data(), eve.public_key().size());
  EXPECT_EQ(reason(stolen), "bad_signature");
}

TEST(PeerIntroduction, EveryBitOfTheSignatureCounts) {
  const api::IntroduceRequest good = from_ada();
  for (std::size_t bit = 0; bit < 8 * good.signature().size(); ++bit) {
    api::IntroduceRequest bad = good;
    (*bad.mutable_signature())[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_EQ(reason(bad), "bad_signature") << bit;
  }
  api::IntroduceRequest missing = good;
  missing.clear_signature();
  EXPECT_EQ(reason(missing), "bad_signature");
}

TEST(PeerIntroduction, TakesNoKeyThatNobodyCanOwn) {
  for (const std::string& key : {std::string(), std::string(31, 'k'), std::string(33, 'k'),
                                 std::string(32, '\0'), std::string(32, '\xFF')}) {
    api::IntroduceRequest bad = from_ada();
    bad.set_public_key(key);
    EXPECT_EQ(reason(bad), "key_invalid");
  }
}

TEST(PeerIntroduction, TakesNoNameThatIsNone) {
  for (const char* name : {"", "Ada", "-ada", ".ada", "a da", "ad\xC3\xA4", "a/b", "a\x1B[1m"}) {
    api::IntroduceRequest bad;
    introduce(ada(), name, Side::dialer, binding, bad);
    EXPECT_EQ(reason(bad), "name_invalid") << name;
  }
  EXPECT_TRUE(is_valid_name("a"));
  EXPECT_TRUE(is_valid_name("0-a_b.c"));
  EXPECT_TRUE(is_valid_name(std::string(64, 'a')));
  EXPECT_FALSE(is_valid_name(std::string(65, 'a')));
  EXPECT_FALSE(is_valid_name(std::string_view("a\0b", 3)));
}

// What the documentation of peer.proto says, byte by byte.
TEST(PeerIntroduction, SignsWhatTheContractSays) {
  const std::string name = "ada";
  Bytes expected;
  const auto add = [&](ByteView bytes) {
    expected.insert(expected.end(), bytes.begin(), bytes.end());
  };
  add(bytes_of("babilu peer introduction 1"));
  expected.push_back(0);
  expected.push_back(2);
  add(binding);
  add(ada().public_key());
  add(bytes_of(name));
  const api::IntroduceRequest introduction = from_ada(Side::listener);
  EXPECT_TRUE(crypto::verify(ada().public_key(), expected, bytes_of(introduction.signature())));
}

}  // namespace
}  // namespace babilu::peer
