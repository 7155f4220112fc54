#include "core/crypto/signature.h"

#include <botan/ed25519.h>
#include <botan/pubkey.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "core/crypto/encoding.h"
#include "core/crypto/fingerprint.h"
#include "core/crypto/secret.h"
#include "tests/vectors/rfc8032.h"
#include "tests/vectors/unhex.h"

namespace babilu::crypto {
namespace {

using vectors::unhex;
using vectors::unhex_array;

PublicKey key_of(std::string_view hex) {
  return unhex_array<32>(hex);
}

bool botan_accepts(const PublicKey& key, ByteView message, ByteView signature) {
  return Botan::PK_Verifier(Botan::Ed25519_PublicKey(key), "Pure")
      .verify_message(message, signature);
}

TEST(CryptoSignature, MatchesRfc8032) {
  for (const auto& vector : vectors::rfc8032) {
    const KeyPair pair = KeyPair::from_seed(unhex(vector.seed));
    const Bytes message = unhex(vector.message);
    EXPECT_EQ(to_hex(pair.public_key()), vector.public_key);
    EXPECT_EQ(to_hex(pair.seed()), vector.seed);
    EXPECT_EQ(to_hex(pair.sign(message)), vector.signature);
    EXPECT_TRUE(verify(pair.public_key(), message, unhex(vector.signature)));
    EXPECT_EQ(parse_public_key(pair.public_key()), pair.public_key());
  }
}

TEST(CryptoSignature, EveryFlippedBitIsRefused) {
  const KeyPair pair = KeyPair::generate(system_random());
  const Bytes message = {1, 2, 3, 4};
  const Signature signature = pair.sign(message);
  const auto each_flip = [](auto bytes, const auto& check) {
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
      EXPECT_FALSE(check(bytes)) << bit;
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    }
  };
  each_flip(signature, [&](const auto& s) { return verify(pair.public_key(), message, s); });
  each_flip(message, [&](const auto& m) { return verify(pair.public_key(), m, signature); });
  each_flip(pair.public_key(), [&](const auto& k) { return verify(k, message, signature); });
  EXPECT_TRUE(verify(pair.public_key(), message, signature));
}

TEST(CryptoSignature, EmptyAndTenMegabytes) {
  const KeyPair pair = KeyPair::generate(system_random());
  EXPECT_TRUE(verify(pair.public_key(), {}, pair.sign({})));
  Bytes large(10'000'000, 'x');
  const Signature signature = pair.sign(large);
  EXPECT_TRUE(verify(pair.public_key(), large, signature));
  large.back() ^= 1;
  EXPECT_FALSE(verify(pair.public_key(), large, signature));
}

TEST(CryptoSignature, SignaturesOfAnotherSizeAreRefused) {
  const KeyPair pair = KeyPair::generate(system_random());
  const Signature signature = pair.sign(bytes_of("text"));
  Bytes longer(signature.begin(), signature.end());
  longer.push_back(0);
  EXPECT_FALSE(verify(pair.public_key(), bytes_of("text"), longer));
  for (std::size_t size = 0; size < signature.size(); ++size)
    EXPECT_FALSE(verify(pair.public_key(), bytes_of("text"), ByteView(signature).first(size)));
}

TEST(CryptoSignature, SIsNotMalleable) {
  // S + L is the same scalar (RFC 8032 §8.4); so are S + 2L and on, as far as 256 bits go.
  const auto order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  const KeyPair pair = KeyPair::generate(system_random());
  Signature signature = pair.sign(bytes_of("text"));
  ASSERT_TRUE(verify(pair.public_key(), bytes_of("text"), signature));
  for (int multiple = 1; multiple <= 14; ++multiple) {
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      carry += signature[32 + i] + unsigned{order[i]};
      signature[32 + i] = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    ASSERT_EQ(carry, 0u);
    EXPECT_FALSE(verify(pair.public_key(), bytes_of("text"), signature)) << multiple;
  }
}

// Points whose order divides eight: every canonical encoding, then every other encoding of the same
// points.
constexpr std::string_view small_order_keys[] = {
    // canonical
    "0100000000000000000000000000000000000000000000000000000000000000",  // order 1
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 2
    "0000000000000000000000000000000000000000000000000000000000000000",  // order 4
    "0000000000000000000000000000000000000000000000000000000000000080",  // order 4
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  // order 8
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",  // order 8
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  // order 8
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",  // order 8
    // y = 1 and y = -1 with the sign of x = 0 set
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    // y = p and y = p + 1, with both signs
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

TEST(CryptoSignature, NobodySignsForASmallOrderKey) {
  // R neutral and S = 0 is a signature wherever hash(R, key, message) times the key is neutral: for
  // one message in eight at worst, and nobody holds a private key. Botan takes these; that we do
  // not is what is tested, so the forgeries are shown to be real ones first.
  Signature forged{};
  forged[0] = 1;
  for (const std::string_view hex : small_order_keys) {
    SCOPED_TRACE(hex);
    const PublicKey key = key_of(hex);
    int taken_by_botan = 0;
    for (int i = 0; i < 64; ++i) {
      const Bytes message = {static_cast<std::uint8_t>(i)};
      if (!botan_accepts(key, message, forged)) continue;
      ++taken_by_botan;
      EXPECT_FALSE(verify(key, message, forged)) << i;
    }
    EXPECT_GT(taken_by_botan, 0);
    EXPECT_FALSE(parse_public_key(key));
  }
}

TEST(CryptoSignature, KeysThatAreNotCanonicalAreRefused) {
  // y from p to 2^255 - 1, all nineteen, with both signs.
  for (int low = 0xed; low <= 0xff; ++low) {
    for (const int high : {0x7f, 0xff}) {
      PublicKey key;
      key.fill(0xff);
      key[0] = static_cast<std::uint8_t>(low);
      key[31] = static_cast<std::uint8_t>(high);
      EXPECT_FALSE(parse_public_key(key)) << low;
      EXPECT_FALSE(verify(key, bytes_of("text"), Signature{1})) << low;
    }
  }
}

TEST(CryptoSignature, ParseRefusesWhatNobodyCouldOwn) {
  // 12345 times the base point is a key; with a point of order eight, or two, added to it, it is
  // none.
  EXPECT_TRUE(
      parse_public_key(unhex("ef4f62f8479733ad879cfaced3c89a9c39dd4fc795ef2efa1c3eafe4d729a081")));
  EXPECT_FALSE(
      parse_public_key(unhex("40a4cf5c611d737a2f1c6fcca84d9cabfed80987f186a5a6c57e629bff1af27f")));
  EXPECT_FALSE(
      parse_public_key(unhex("feaf9d07b868cc52786305312c376563c622b0386a10d105e3c1501b28d65f7e")));
  // y = 2 is on no point of the curve.
  EXPECT_FALSE(
      parse_public_key(unhex("0200000000000000000000000000000000000000000000000000000000000000")));
  for (const std::size_t size : {0u, 31u, 33u, 64u}) EXPECT_FALSE(parse_public_key(Bytes(size, 9)));
}

TEST(CryptoSignature, GeneratedKeysDifferAndComeBackFromTheirSeed) {
  const KeyPair one = KeyPair::generate(system_random());
  const KeyPair two = KeyPair::generate(system_random());
  EXPECT_NE(one.public_key(), two.public_key());
  EXPECT_FALSE(verify(two.public_key(), bytes_of("text"), one.sign(bytes_of("text"))));
  const KeyPair again = KeyPair::from_seed(one.seed());
  EXPECT_EQ(again.public_key(), one.public_key());
  EXPECT_EQ(again.sign(bytes_of("text")), one.sign(bytes_of("text")));
  for (const std::size_t size : {0u, 31u, 33u, 64u})
    EXPECT_THROW((void)KeyPair::from_seed(Bytes(size)), std::invalid_argument);
}

TEST(CryptoFingerprint, IsTheStartOfTheDigestInGroups) {
  // SHA-256 of 32 zero bytes: 66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925
  EXPECT_EQ(fingerprint(PublicKey{}), "6668 7aad f862 bd77 6c8f c18b 8e9f 8e20 0897 1485");
  EXPECT_NE(fingerprint(PublicKey{1}), fingerprint(PublicKey{}));
}

}  // namespace
}  // namespace babilu::crypto
