#include "core/crypto/aead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/crypto/encoding.h"
#include "core/crypto/secret.h"
#include "tests/vectors/aes_256_gcm.h"
#include "tests/vectors/rfc8439.h"
#include "tests/vectors/unhex.h"

namespace babilu::crypto {
namespace {

using vectors::unhex;

std::optional<std::string> hex_of(const std::optional<Secret>& bytes) {
  if (!bytes) return std::nullopt;
  return to_hex(*bytes);
}

template <typename Vector>
void expect_match(AeadAlgorithm algorithm, const Vector& vector) {
  SCOPED_TRACE(vector.sealed);
  Aead aead(unhex(vector.key), algorithm);
  const auto nonce = vectors::unhex_array<Aead::nonce_size>(vector.nonce);
  const Bytes associated_data = unhex(vector.associated_data);
  Bytes sealed;
  aead.seal(nonce, associated_data, unhex(vector.plaintext), sealed);
  EXPECT_EQ(to_hex(sealed), vector.sealed);
  EXPECT_EQ(hex_of(aead.open(nonce, associated_data, sealed)), vector.plaintext);
}

TEST(CryptoAeadVectors, AesGcmMatchesTheNistSubmission) {
  for (const auto& vector : vectors::aes_256_gcm) expect_match(AeadAlgorithm::aes_256_gcm, vector);
}

TEST(CryptoAeadVectors, ChaChaPolyMatchesRfc8439) {
  for (const auto& vector : vectors::rfc8439)
    expect_match(AeadAlgorithm::chacha20_poly1305, vector);
}

class CryptoAead : public testing::TestWithParam<AeadAlgorithm> {
 protected:
  const Secret key_ = random_secret(system_random(), Aead::key_size);
  const Aead::Nonce nonce_ = random_array<Aead::nonce_size>(system_random());
  const Bytes associated_data_ = {1, 2, 3};
  Aead aead_{key_, GetParam()};

  Bytes seal(ByteView plaintext) {
    Bytes out;
    aead_.seal(nonce_, associated_data_, plaintext, out);
    return out;
  }
};

INSTANTIATE_TEST_SUITE_P(, CryptoAead,
                         testing::Values(AeadAlgorithm::aes_256_gcm,
                                         AeadAlgorithm::chacha20_poly1305),
                         [](const auto& info) {
                           return info.param == AeadAlgorithm::aes_256_gcm ? "AesGcm"
                                                                           : "ChaChaPoly";
                         });

TEST_P(CryptoAead, EverySizeComesBack) {
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 255u, 256u, 1000u, 10'000'000u}) {
    const Secret plaintext = random_secret(system_random(), size);
    const Bytes sealed = seal(plaintext);
    EXPECT_EQ(sealed.size(), size + Aead::tag_size);
    EXPECT_EQ(aead_.open(nonce_, associated_data_, sealed), plaintext) << size;
  }
}

TEST_P(CryptoAead, AssociatedDataOfEverySize) {
  for (const std::size_t size : {0u, 1u, 16u, 17u, 10'000'000u}) {
    const Bytes data(size, 9);
    Bytes sealed;
    aead_.seal(nonce_, data, bytes_of("text"), sealed);
    EXPECT_TRUE(aead_.open(nonce_, data, sealed)) << size;
    EXPECT_FALSE(aead_.open(nonce_, Bytes(size + 1, 9), sealed)) << size;
  }
}

TEST_P(CryptoAead, EveryFlippedBitIsRefused) {
  const auto plaintext = bytes_of("an account's first secret");
  const Bytes sealed = seal(plaintext);
  const auto each_flip = [](auto bytes, const auto& check) {
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
      EXPECT_FALSE(check(bytes)) << bit;
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    }
  };
  each_flip(sealed, [&](const Bytes& b) { return aead_.open(nonce_, associated_data_, b); });
  each_flip(nonce_, [&](const auto& n) { return aead_.open(n, associated_data_, sealed); });
  each_flip(associated_data_, [&](const Bytes& a) { return aead_.open(nonce_, a, sealed); });
  each_flip(key_, [&](const Secret& k) {
    return Aead(k, GetParam()).open(nonce_, associated_data_, sealed);
  });
  // All those refusals have not spoilt the object.
  EXPECT_TRUE(aead_.open(nonce_, associated_data_, sealed));
}

TEST_P(CryptoAead, TruncatedAndExtendedAreRefused) {
  Bytes sealed = seal(bytes_of("text"));
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(aead_.open(nonce_, associated_data_, ByteView(sealed).first(size))) << size;
  sealed.push_back(0);
  EXPECT_FALSE(aead_.open(nonce_, associated_data_, sealed));
}

TEST_P(CryptoAead, InPlaceIsTheSame) {
  const auto plaintext = bytes_of("some text of more than one block");
  Bytes data(plaintext.begin(), plaintext.end());
  const Aead::Tag tag = aead_.seal_in_place(nonce_, associated_data_, data);
  Bytes joined = data;
  joined.insert(joined.end(), tag.begin(), tag.end());
  EXPECT_EQ(joined, seal(plaintext));

  EXPECT_TRUE(aead_.open_in_place(nonce_, associated_data_, data, tag));
  EXPECT_TRUE(std::equal(data.begin(), data.end(), plaintext.begin(), plaintext.end()));
}

TEST_P(CryptoAead, ARefusedBufferHoldsNoPlaintext) {
  Bytes data(100, 'p');
  Aead::Tag tag = aead_.seal_in_place(nonce_, associated_data_, data);
  tag[0] ^= 1;
  EXPECT_FALSE(aead_.open_in_place(nonce_, associated_data_, data, tag));
  EXPECT_EQ(data, Bytes(100, 0));
}

TEST_P(CryptoAead, SealAppends) {
  Bytes out = {7, 7};
  aead_.seal(nonce_, associated_data_, bytes_of("one"), out);
  const Bytes first = seal(bytes_of("one"));
  EXPECT_EQ(Bytes(out.begin() + 2, out.end()), first);
  EXPECT_EQ(out[0], 7);
  EXPECT_EQ(out[1], 7);
  aead_.seal(nonce_, associated_data_, {}, out);
  EXPECT_EQ(out.size(), 2 + first.size() + Aead::tag_size);
}

TEST_P(CryptoAead, AMovedObjectKeepsItsKey) {
  const Bytes sealed = seal(bytes_of("text"));
  Aead moved = std::move(aead_);
  EXPECT_TRUE(moved.open(nonce_, associated_data_, sealed));
}

TEST_P(CryptoAead, KeysOfAnotherSizeAreRefused) {
  for (const std::size_t size : {0u, 16u, 24u, 31u, 33u, 64u})
    EXPECT_THROW(Aead(Bytes(size), GetParam()), std::invalid_argument) << size;
}

TEST_P(CryptoAead, RandomNoncesAreCarriedAlong) {
  const Bytes one =
      seal_with_random_nonce(aead_, system_random(), associated_data_, bytes_of("text"));
  const Bytes two =
      seal_with_random_nonce(aead_, system_random(), associated_data_, bytes_of("text"));
  EXPECT_EQ(one.size(), Aead::nonce_size + 4 + Aead::tag_size);
  EXPECT_NE(one, two);
  const auto opened = open_with_nonce(aead_, associated_data_, one);
  ASSERT_TRUE(opened);
  EXPECT_EQ(text_of(*opened), "text");
  for (std::size_t size = 0; size < one.size(); ++size)
    EXPECT_FALSE(open_with_nonce(aead_, associated_data_, ByteView(one).first(size))) << size;
  for (std::size_t i = 0; i < one.size(); ++i) {
    Bytes changed = one;
    changed[i] ^= 0x80;
    EXPECT_FALSE(open_with_nonce(aead_, associated_data_, changed)) << i;
  }
  EXPECT_FALSE(open_with_nonce(aead_, bytes_of("other"), one));
}

}  // namespace
}  // namespace babilu::crypto
