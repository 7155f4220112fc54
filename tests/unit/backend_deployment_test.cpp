// A sealed key opens for what it was sealed for, and for nothing else.
#include <gtest/gtest.h>

#include "roles/backend/deployment.h"

namespace babilu::backend {
namespace {

class DeploymentTest : public testing::Test {
 protected:
  const Deployment deployment{Secret(Deployment::master_key_bytes, 1)};
  const Secret key = Secret(32, 42);
  const Bytes sealed =
      deployment.seal_key(KeyPurpose::encryption, 7, 3, key, crypto::system_random());
};

TEST_F(DeploymentTest, AKeyOpensForItsPurposeAccountAndVersion) {
  EXPECT_EQ(deployment.open_key(KeyPurpose::encryption, 7, 3, sealed), key);
}

TEST_F(DeploymentTest, AKeyOpensForNoOtherPurpose) {
  EXPECT_FALSE(deployment.open_key(KeyPurpose::signing_seed, 7, 3, sealed));
}

TEST_F(DeploymentTest, AKeyOpensForNoOtherAccount) {
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t other = 7 ^ (std::uint64_t{1} << bit);
    EXPECT_FALSE(deployment.open_key(KeyPurpose::encryption, other, 3, sealed)) << bit;
  }
}

TEST_F(DeploymentTest, AKeyOpensForNoOtherVersion) {
  for (int bit = 0; bit < 32; ++bit) {
    const std::uint32_t other = 3 ^ (std::uint32_t{1} << bit);
    EXPECT_FALSE(deployment.open_key(KeyPurpose::encryption, 7, other, sealed)) << bit;
  }
}

TEST_F(DeploymentTest, AKeyOpensForNoOtherDeployment) {
  const Deployment other(Secret(Deployment::master_key_bytes, 2));
  EXPECT_FALSE(other.open_key(KeyPurpose::encryption, 7, 3, sealed));
  EXPECT_NE(other.id(), deployment.id());
  EXPECT_NE(other.token_key(), deployment.token_key());
}

TEST_F(DeploymentTest, AChangedOrShortenedKeyDoesNotOpen) {
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << bit % 8));
    EXPECT_FALSE(deployment.open_key(KeyPurpose::encryption, 7, 3, changed)) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    const ByteView part = ByteView(sealed).first(size);
    EXPECT_FALSE(deployment.open_key(KeyPurpose::encryption, 7, 3, part)) << size;
  }
}

TEST_F(DeploymentTest, AMasterKeyHas32Bytes) {
  EXPECT_THROW(Deployment(Secret(31, 1)), std::invalid_argument);
  EXPECT_THROW(Deployment(Secret(33, 1)), std::invalid_argument);
}

}  // namespace
}  // namespace babilu::backend
