// SipHash-2-4 as its authors compute it: "SipHash: a fast short-input PRF", appendix A, and the
// vectors beside their program.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "core/base/sip_hash.h"

namespace babilu {
namespace {

TEST(SipHash, IsThatOfItsAuthors) {
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::vector<std::uint8_t> bytes(15);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  EXPECT_EQ(sip_hash(key, bytes), 0xa129ca6149be45e5);
  EXPECT_EQ(sip_hash(key, ByteView(bytes).first(8)), 0x93f5f5799a932462);
  EXPECT_EQ(sip_hash(key, {}), 0x726fdb47dd0e0e31);
  EXPECT_NE(sip_hash({key.low, key.high + 1}, bytes), sip_hash(key, bytes));
}

}  // namespace
}  // namespace babilu
