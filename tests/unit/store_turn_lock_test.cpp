#include "core/store/turn_lock.h"

#include <atomic>
#include <thread>

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
  EXPECT_TRUE(first->acquire(in(10s)));
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
  constexpr int turns = 300;
  std::atomic<int> inside{0};
  std::atomic<bool> first_done{false};
  std::atomic<int> of_second_when_first_ended{0};
  std::atomic<int> of_second{0};
  const auto once = [&](TurnLock& lock) {
    ASSERT_TRUE(lock.acquire(in(60s)));
    EXPECT_EQ(inside.fetch_add(1), 0);
    inside.fetch_sub(1);
    lock.release();
  };
  std::thread other([&] {
    const auto lock = open();
    while (!first_done) {
      once(*lock);
      ++of_second;
    }
  });
  const auto lock = open();
  while (of_second == 0) std::this_thread::yield();
  for (int i = 0; i < turns; ++i) once(*lock);
  of_second_when_first_ended = of_second.load();
  first_done = true;
  other.join();
  EXPECT_GT(of_second_when_first_ended, turns / 10);
}

}  // namespace
}  // namespace babilu::store
