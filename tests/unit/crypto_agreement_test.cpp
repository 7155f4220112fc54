#include "core/crypto/agreement.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "core/crypto/encoding.h"
#include "tests/vectors/rfc7748.h"
#include "tests/vectors/unhex.h"

namespace babilu::crypto {
namespace {

using vectors::unhex;
using vectors::unhex_array;

std::optional<std::string> agree(std::string_view private_key, std::string_view public_key) {
  const auto shared =
      AgreementKey::from_private(unhex(private_key)).agree(unhex_array<32>(public_key));
  if (!shared) return std::nullopt;
  return to_hex(*shared);
}

TEST(CryptoAgreement, MatchesRfc7748) {
  for (const auto& vector : vectors::rfc7748)
    EXPECT_EQ(agree(vector.private_key, vector.public_key), vector.shared);
}

TEST(CryptoAgreement, MatchesRfc7748AfterAThousandRounds) {
  std::string k = "09" + std::string(62, '0');
  std::string u = k;
  for (int round = 1; round <= 1000; ++round) {
    std::string next = agree(k, u).value();
    u = k;
    k = std::move(next);
    if (round == 1) EXPECT_EQ(k, vectors::rfc7748_after_1);
  }
  EXPECT_EQ(k, vectors::rfc7748_after_1000);
}

TEST(CryptoAgreement, BothSidesOfRfc7748) {
  using namespace vectors;
  const auto alice = AgreementKey::from_private(unhex(rfc7748_alice_private));
  const auto bob = AgreementKey::from_private(unhex(rfc7748_bob_private));
  EXPECT_EQ(to_hex(alice.public_key()), rfc7748_alice_public);
  EXPECT_EQ(to_hex(bob.public_key()), rfc7748_bob_public);
  EXPECT_EQ(to_hex(alice.private_key()), rfc7748_alice_private);
  EXPECT_EQ(to_hex(alice.agree(bob.public_key()).value()), rfc7748_shared);
  EXPECT_EQ(to_hex(bob.agree(alice.public_key()).value()), rfc7748_shared);
}

TEST(CryptoAgreement, PointsOfSmallOrderGiveNothing) {
  const AgreementKey key = AgreementKey::generate(system_random());
  // On the curve and on its twist, canonical and not: 0, 1, two of order eight, p - 1, p, p + 1.
  for (const std::string_view hex :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    auto point = unhex_array<32>(hex);
    EXPECT_FALSE(key.agree(point)) << hex;
    point[31] |= 0x80;  // the top bit does not count (§5)
    EXPECT_FALSE(key.agree(point)) << hex;
  }
}

TEST(CryptoAgreement, GeneratedKeysAgreeInPairs) {
  const auto alice = AgreementKey::generate(system_random());
  const auto bob = AgreementKey::generate(system_random());
  const auto eve = AgreementKey::generate(system_random());
  const auto shared = alice.agree(bob.public_key());
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->size(), 32u);
  EXPECT_EQ(bob.agree(alice.public_key()), shared);
  EXPECT_NE(eve.agree(bob.public_key()), shared);
  const auto again = AgreementKey::from_private(alice.private_key());
  EXPECT_EQ(again.public_key(), alice.public_key());
  EXPECT_EQ(again.agree(bob.public_key()), shared);
}

TEST(CryptoAgreement, PrivateKeysOfAnotherSizeAreRefused) {
  for (const std::size_t size : {0u, 31u, 33u, 64u})
    EXPECT_THROW((void)AgreementKey::from_private(Bytes(size)), std::invalid_argument);
}

}  // namespace
}  // namespace babilu::crypto
