#include <gtest/gtest.h>

#include <map>
#include <random>

#include "core/rpc/stream_table.h"
#include "tests/support/size.h"

namespace babilu::rpc {
namespace {

TEST(StreamTable, IsEmptyAtFirst) {
  StreamTable table;
  EXPECT_EQ(table.size(), 0u);
  EXPECT_FALSE(table.contains(1));
  EXPECT_EQ(table.find(1), nullptr);
  EXPECT_FALSE(table.erase(1));
  table.each([](std::uint32_t, StreamTable::Tag) { ADD_FAILURE(); });
}

void agrees_with_a_map(std::uint64_t seed) {
  std::mt19937 random(static_cast<std::uint32_t>(seed));
  StreamTable table;
  std::map<std::uint32_t, StreamTable::Tag> map;
  std::uint32_t next = 0xFFFFF000;  // wraps on the way
  for (int step = 0; step < 200'000; ++step) {
    // Few streams live, then many, then few: it grows, and works on when nearly empty.
    const bool add = random() % 100 < (step / 20'000 % 2 == 0 ? 55 : 45);
    if (add) {
      do next += 2;
      while (next == 0 || map.contains(next));
      table.emplace(next, step);
      map[next] = static_cast<StreamTable::Tag>(step);
    } else if (!map.empty()) {
      auto victim = map.lower_bound(static_cast<std::uint32_t>(random()));
      if (victim == map.end()) victim = map.begin();
      ASSERT_TRUE(table.erase(victim->first));
      ASSERT_FALSE(table.contains(victim->first));
      map.erase(victim);
    }
    ASSERT_EQ(table.size(), map.size());
    const auto some = map.lower_bound(static_cast<std::uint32_t>(random()));
    if (some == map.end()) continue;
    ASSERT_NE(table.find(some->first), nullptr);
    ASSERT_EQ(*table.find(some->first), some->second);
  }
  std::map<std::uint32_t, StreamTable::Tag> seen;
  table.each([&](std::uint32_t stream, StreamTable::Tag tag) { seen[stream] = tag; });
  EXPECT_EQ(seen, map);
  const StreamTable moved = std::move(table);
  EXPECT_EQ(moved.size(), map.size());
}
TEST(StreamTable, AgreesWithAMapWhateverIsDone) {
  test::for_each_seed(1, test::repetitions(1, 50), agrees_with_a_map);
}

/// Numbers of an enemy: all want one of three places, whatever the size of the table.
TEST(StreamTable, HoldsNumbersThatWantTheSamePlace) {
  std::mt19937 random(2);
  StreamTable table;
  std::map<std::uint32_t, StreamTable::Tag> map;
  for (StreamTable::Tag step = 0; step < 20'000; ++step) {
    const auto stream =
        static_cast<std::uint32_t>((1 + random() % 60) * 4096 + 1 + 2 * (random() % 3));
    if (random() % 100 < (step / 2'000 % 2 == 0 ? 60 : 40)) {
      ASSERT_EQ(table.emplace(stream, step) != nullptr, map.emplace(stream, step).second);
    } else {
      ASSERT_EQ(table.erase(stream), map.erase(stream) > 0);
    }
    ASSERT_EQ(table.size(), map.size());
    if (step % 100 != 0) continue;
    for (const auto& [number, tag] : map) {
      ASSERT_NE(table.find(number), nullptr);
      ASSERT_EQ(*table.find(number), tag);
    }
  }
}

TEST(StreamTable, TellsWhatIsThereAlready) {
  StreamTable table;
  EXPECT_TRUE(table.emplace(7, 1));
  EXPECT_FALSE(table.emplace(7, 2));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.extract(7), StreamTable::Tag{1});
  EXPECT_EQ(table.extract(7), std::nullopt);
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace babilu::rpc
