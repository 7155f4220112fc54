// What grows at its end, and hands its memory on.
#include <gtest/gtest.h>

#include "core/base/buffer.h"

namespace babilu {
namespace {

TEST(Buffer, KeepsWhatItHoldsWhileItGrows) {
  Buffer buffer;
  EXPECT_EQ(buffer.capacity(), 0u) << "an idle one holds no memory";
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 40), static_cast<char>('a' + i % 26));
    buffer.append(bytes_of(piece));
    expected += piece;
  }
  EXPECT_EQ(text_of(buffer), expected);
  EXPECT_LT(buffer.capacity(), 4 * expected.size());
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_GT(buffer.capacity(), 0u);
}

TEST(Buffer, IsMovedWithItsMemory) {
  Buffer from;
  from.append(bytes_of("abc"));
  const auto* const memory = from.data();
  Buffer to;
  to.append(bytes_of("old"));
  to = std::move(from);
  EXPECT_EQ(to.data(), memory);
  EXPECT_EQ(text_of(to), "abc");
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): it says what is left
  from.append(bytes_of("x"));
  EXPECT_EQ(text_of(from), "x");
}

TEST(Buffer, SmallMemoryIsUsedAgain) {
  Buffer first;
  first.append(bytes_of("first"));
  const auto* const memory = first.data();
  first = {};
  EXPECT_EQ(first.capacity(), 0u);
  Buffer second;
  second.append(bytes_of("second"));
  EXPECT_EQ(second.data(), memory);
  EXPECT_EQ(text_of(second), "second") << "nothing is left of what it held";
  const Bytes large(10'000, 1);
  second.append(large);
  EXPECT_EQ(second.size(), 6 + large.size());
  second = {};
  Buffer third;
  third.append(bytes_of("third"));
  EXPECT_LE(third.capacity(), 4096u) << "large memory is not kept";
}

}  // namespace
}  // namespace babilu
