#include "core/store/turn_lock.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/store_support.h"

namespace babilu::store {
namespace {

using namespace std::chrono_literals;

class TurnLockTest : public testing::Test {
 protected:
  std::unique_ptr<TurnLock> open() { return TurnLock::open(directory / "lock").value(); }
  static TurnLock::Time in(std::chrono::nanoseconds time) {
    return std::chrono::steady_clock::now() + time;
  }

  TemporaryDirectory directory;
};

TEST_F(TurnLockTest, OneAtATime) {
  const auto first = open();
  const auto second = open();
  EXPECT_TRUE(first->acquire(in(0s)));
  EXPECT_FALSE(second->acquire(in(0s)));
  first->release();
  EXPECT_TRUE(second->acquire(in(0s)));
  EXPECT_FALSE(first->acquire(in(0s)));
}

TEST_F(TurnLockTest, ALockFileThatWasMovedAwayIsLeft) {
  const auto first = open();
  ASSERT_TRUE(first->acquire(in(0s)));
  first->release();
  std::filesystem::rename(directory / "lock", directory / "moved");
  const auto second = open();
  ASSERT_TRUE(second->acquire(in(0s)));
  EXPECT_FALSE(first->acquire(in(0s)));
}

TEST_F(TurnLockTest, KnowsWhetherItIsAlone) {
  const auto first = open();
  EXPECT_TRUE(first->alone());
  {
    const auto second = open();
    EXPECT_FALSE(first->alone());
    EXPECT_FALSE(second->alone());
  }
  EXPECT_TRUE(first->alone());
}

TEST_F(TurnLockTest, WhoeverWaitsComesNext) {
  const auto first = open();
  const auto second = open();
  ASSERT_TRUE(first->acquire(in(0s)));
  ASSERT_FALSE(second->acquire(in(0s)));  // it is in line now
  first->release();
  EXPECT_FALSE(first->acquire(in(0s)));
  EXPECT_TRUE(second->acquire(in(0s)));
}

TEST_F(TurnLockTest, AWaiterThatHasStoppedIsPassed) {
  const auto first = open();
  const auto stopped = open();
  ASSERT_TRUE(first->acquire(in(0s)));
  ASSERT_FALSE(stopped->acquire(in(0s)));
  first->release();
  EXPECT_TRUE(first->acquire(in(60s)));
}

TEST_F(TurnLockTest, WithdrawingGivesThePlaceInLineBack) {
  const auto first = open();
  const auto second = open();
  ASSERT_TRUE(first->acquire(in(0s)));
  ASSERT_FALSE(second->acquire(in(0s)));
  second->withdraw();
  first->release();
  EXPECT_TRUE(first->acquire(in(0s)));
}

TEST_F(TurnLockTest, DestructionFreesTheTurn) {
  auto first = open();
  const auto second = open();
  ASSERT_TRUE(first->acquire(in(0s)));
  first.reset();
  EXPECT_TRUE(second->acquire(in(0s)));
}

TEST_F(TurnLockTest, ARemovedLockFileIsMadeAnew) {
  const auto first = open();
  std::filesystem::remove(directory / "lock");
  ASSERT_TRUE(first->acquire(in(0s)));
  const auto second = open();
  EXPECT_FALSE(second->acquire(in(0s)));
}

TEST_F(TurnLockTest, TwoThatNeverPauseAlternate) {
  const std::array locks{open(), open()};
  ASSERT_TRUE(locks[0]->acquire(in(0s)));
  for (int turn = 0; turn < 300; ++turn) {
    TurnLock& holder = *locks[turn % 2];
    TurnLock& other = *locks[(turn + 1) % 2];
    ASSERT_FALSE(other.acquire(in(0s))) << turn;  // it is in line now
    holder.release();
    ASSERT_FALSE(holder.acquire(in(0s))) << turn;
    ASSERT_TRUE(other.acquire(in(0s))) << turn;
  }
}

/// Takes turns that others want too, and counts those who are inside.
void take_turns(TurnLock& lock, std::atomic<int>& inside, TurnLock::Time until) {
  for (int turn = 0; turn < 300; ++turn) {
    ASSERT_TRUE(lock.acquire(until)) << turn;
    EXPECT_EQ(inside.fetch_add(1), 0);
    inside.fetch_sub(1);
    lock.release();
  }
}

TEST_F(TurnLockTest, ThreadsThatNeverPauseAreInsideOneAtATimeAndAllGetThrough) {
  std::atomic<int> inside{0};
  std::vector<std::unique_ptr<TurnLock>> locks;
  for (int i = 0; i < 3; ++i) locks.push_back(open());
  std::vector<std::jthread> threads;
  for (const auto& lock : locks) {
    threads.emplace_back([&inside, &lock, until = in(60s)] { take_turns(*lock, inside, until); });
  }
}

}  // namespace
}  // namespace babilu::store
