#include "core/crypto/digest.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "core/crypto/encoding.h"
#include "tests/vectors/rfc4231.h"
#include "tests/vectors/rfc5869.h"
#include "tests/vectors/unhex.h"

namespace babilu::crypto {
namespace {

using vectors::unhex;

// FIPS 180-4, the examples of NIST's "Cryptographic Standards and Guidelines", and a million times
// "a".
TEST(CryptoDigest, Sha256MatchesNist) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(bytes_of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(Bytes(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(CryptoDigest, Sha512MatchesNist) {
  EXPECT_EQ(to_hex(sha512({})),
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
  EXPECT_EQ(to_hex(sha512(bytes_of("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(CryptoDigest, HmacMatchesRfc4231) {
  for (const auto& vector : vectors::rfc4231) {
    const Bytes key = unhex(vector.key);
    const Bytes message = unhex(vector.message);
    EXPECT_EQ(to_hex(hmac_sha256(key, {message})), vector.mac);
    // However the message is cut.
    const ByteView view(message);
    const std::size_t half = message.size() / 2;
    EXPECT_EQ(to_hex(hmac_sha256(key, {view.first(half), {}, view.subspan(half)})), vector.mac);
  }
}

TEST(CryptoDigest, HmacOfNothing) {
  // By Python's hmac module.
  const std::string_view expected =
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  EXPECT_EQ(to_hex(hmac_sha256({}, {ByteView{}})), expected);
  EXPECT_EQ(to_hex(hmac_sha256({}, std::initializer_list<ByteView>{})), expected);
}

TEST(CryptoDigest, CallsLeaveNoTraceInTheNext) {
  const Bytes key(32, 1);
  const auto expected = hmac_sha256(key, {bytes_of("message")});
  const auto derived = hkdf_sha256(key, {}, bytes_of("info"), 32);
  EXPECT_EQ(hmac_sha256(key, {bytes_of("message")}), expected);
  EXPECT_NE(hmac_sha256(Bytes(32, 2), {bytes_of("message")}), expected);
  EXPECT_EQ(hkdf_sha256(key, {}, bytes_of("info"), 32), derived);
  Digest256 elsewhere{};
  std::thread([&] { elsewhere = hmac_sha256(key, {bytes_of("message")}); }).join();
  EXPECT_EQ(elsewhere, expected);
}

TEST(CryptoDigest, TooLongAKeyIsRefusedAndTheNextCallIsRight) {
  const Bytes key(32, 1);
  const auto expected = hmac_sha256(key, {bytes_of("message")});
  EXPECT_NO_THROW(hmac_sha256(Bytes(4096, 1), {bytes_of("message")}));
  EXPECT_THROW(hmac_sha256(Bytes(4097, 1), {bytes_of("message")}), std::invalid_argument);
  EXPECT_EQ(hmac_sha256(key, {bytes_of("message")}), expected);
}

TEST(CryptoDigest, HkdfMatchesRfc5869) {
  for (const auto& vector : vectors::rfc5869) {
    const Bytes output = unhex(vector.output);
    EXPECT_EQ(to_hex(hkdf_sha256(unhex(vector.secret), unhex(vector.salt), unhex(vector.info),
                                 output.size())),
              vector.output);
  }
}

TEST(CryptoDigest, HkdfOfEverySizeIsAPrefixOfTheLongest) {
  const Bytes secret(32, 7);
  const Secret longest = hkdf_sha256(secret, {}, bytes_of("info"), 255 * 32);
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, 64u, 8159u, 8160u}) {
    const Secret shorter = hkdf_sha256(secret, {}, bytes_of("info"), size);
    EXPECT_EQ(shorter, Secret(longest.begin(), longest.begin() + static_cast<long>(size))) << size;
  }
  EXPECT_THROW((void)hkdf_sha256(secret, {}, {}, 8161), std::invalid_argument);
}

TEST(CryptoDigest, HkdfSeparatesPurposes) {
  const Bytes secret(32, 7);
  const auto key = hkdf_sha256(secret, bytes_of("salt"), bytes_of("a"), 32);
  EXPECT_NE(hkdf_sha256(secret, bytes_of("salt"), bytes_of("b"), 32), key);
  EXPECT_NE(hkdf_sha256(secret, bytes_of("tlas"), bytes_of("a"), 32), key);
  EXPECT_NE(hkdf_sha256(Bytes(32, 8), bytes_of("salt"), bytes_of("a"), 32), key);
}

}  // namespace
}  // namespace babilu::crypto
