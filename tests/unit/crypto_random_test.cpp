#include "core/crypto/random.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <thread>
#include <vector>

#include "core/crypto/secret.h"

namespace babilu::crypto {
namespace {

using Draw = std::array<std::uint8_t, 32>;

TEST(CryptoRandom, DrawsNeverRepeatAcrossRefills) {
  // Odd sizes, so that draws meet the pool's end in every way.
  std::set<Draw> seen;
  for (std::size_t i = 0; i < 20'000; ++i) {
    EXPECT_TRUE(seen.insert(random_array<32>(system_random())).second);
    Bytes odd(i % 61);
    fill_random(system_random(), odd);
  }
}

TEST(CryptoRandom, FillsAllOfEverySize) {
  // A byte that is never written stays zero in all of many rounds.
  for (const std::size_t size : {1u, 7u, 255u, 256u, 257u, 1023u, 1024u, 1025u, 5000u}) {
    Bytes any(size);
    for (int round = 0; round < 16; ++round) {
      Bytes out(size);
      fill_random(system_random(), out);
      for (std::size_t i = 0; i < size; ++i) any[i] |= out[i];
    }
    EXPECT_EQ(std::count(any.begin(), any.end(), 0), 0) << size;
  }
  fill_random(system_random(), {});
}

TEST(CryptoRandom, ThreadsHaveGeneratorsOfTheirOwn) {
  std::vector<Draw> here(64);
  std::vector<Draw> there(64);
  const Random* other = nullptr;
  for (Draw& draw : here) draw = random_array<32>(system_random());
  std::thread([&] {
    other = &system_random();
    for (Draw& draw : there) draw = random_array<32>(system_random());
  }).join();
  EXPECT_NE(other, &system_random());
  std::set<Draw> all(here.begin(), here.end());
  all.insert(there.begin(), there.end());
  EXPECT_EQ(all.size(), 128u);
}

TEST(CryptoRandom, AForkedChildDrawsOtherBytes) {
  constexpr std::size_t draws = 40;         // more than one pool holds
  (void)random_array<32>(system_random());  // the pool is half used when the process forks
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::array<Draw, draws> mine;
    for (Draw& draw : mine) draw = random_array<32>(system_random());
    const auto written = ::write(ends[1], mine.data(), sizeof(mine));
    ::_exit(written == sizeof(mine) ? 0 : 1);
  }
  ::close(ends[1]);
  std::array<Draw, draws> theirs{};
  std::size_t got = 0;
  while (got < sizeof(theirs)) {
    const auto n =
        ::read(ends[0], reinterpret_cast<char*>(theirs.data()) + got, sizeof(theirs) - got);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  ::close(ends[0]);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(got, sizeof(theirs));

  std::set<Draw> all(theirs.begin(), theirs.end());
  for (std::size_t i = 0; i < draws; ++i) all.insert(random_array<32>(system_random()));
  EXPECT_EQ(all.size(), 2 * draws);
}

TEST(CryptoSecret, EqualComparesAllBytesAndTheLength) {
  const Secret a = random_secret(system_random(), 33);
  EXPECT_TRUE(equal(a, Secret(a)));
  EXPECT_TRUE(equal({}, {}));
  EXPECT_FALSE(equal(a, {}));
  EXPECT_FALSE(equal(a, ByteView(a).first(32)));
  for (std::size_t i = 0; i < a.size(); ++i) {
    Secret b = a;
    b[i] ^= 1;
    EXPECT_FALSE(equal(a, b)) << i;
  }
}

TEST(CryptoSecret, WipeLeavesNothing) {
  Bytes bytes(100, 0xaa);
  wipe(MutableByteView(bytes).first(99));
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 0xaa), 1);
  wipe({});
}

TEST(CryptoSecret, RandomSecretsHaveTheirSize) {
  EXPECT_TRUE(random_secret(system_random(), 0).empty());
  const Secret a = random_secret(system_random(), 32);
  EXPECT_EQ(a.size(), 32u);
  EXPECT_NE(a, random_secret(system_random(), 32));
}

}  // namespace
}  // namespace babilu::crypto
