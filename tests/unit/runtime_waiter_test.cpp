// Waiting without a coroutine frame, and coroutines that are a part of an object.
#include <gtest/gtest.h>

#include <unistd.h>

#include <memory>

#include <boost/asio/error.hpp>

#include "core/runtime/descriptor.h"
#include "core/runtime/routine.h"
#include "core/runtime/runtime.h"
#include "core/runtime/waiter.h"
#include "tests/unit/runtime_support.h"

namespace babilu {
namespace {

using namespace std::chrono_literals;
namespace error = boost::asio::error;
using test::run;

struct Told {
  explicit Told(Runtime& runtime)
      : waiter(
            runtime,
            [](void* self, error_code why) {
              static_cast<Told*>(self)->why = why;
              ++static_cast<Told*>(self)->times;
            },
            this) {}
  int times = 0;
  error_code why;
  Waiter waiter;
};

/// The far end closes by itself.
struct Pair : test::SocketPair {
  ~Pair() { ::close(ends[1]); }
};

task<> readiness(Runtime& runtime) {
  Pair pair;
  Descriptor reader(runtime, pair.ends[0]);
  Told told(runtime);
  EXPECT_TRUE(reader.when_readable(told.waiter)) << "nobody knows yet";
  reader.read_all();
  EXPECT_FALSE(reader.when_readable(told.waiter));
  EXPECT_EQ(told.times, 0);
  EXPECT_EQ(::write(pair.ends[1], "ab", 2), 2);
  while (told.times == 0) co_await runtime.sleep_for(1ms);
  EXPECT_TRUE(reader.when_readable(told.waiter));
  EXPECT_EQ(::write(pair.ends[1], "ab", 2), 2);
  co_await runtime.sleep_for(2ms);
  EXPECT_EQ(told.times, 1) << "once for each time that it stands there";
}
TEST(Waiter, IsToldOnceThatADescriptorIsReadable) {
  run(readiness);
}

task<> closing(Runtime& runtime) {
  Pair pair;
  Told told(runtime);
  auto reader = std::make_unique<Descriptor>(runtime, pair.ends[0]);
  reader->read_all();
  EXPECT_FALSE(reader->when_readable(told.waiter));
  reader.reset();
  EXPECT_EQ(told.times, 0) << "later, from the loop";
  co_await runtime.yield();
  EXPECT_EQ(told.times, 1);
  EXPECT_TRUE(told.why);
}
TEST(Waiter, IsToldOfAClose) {
  run(closing);
}

task<> destroyed(Runtime& runtime) {
  Pair pair;
  Descriptor reader(runtime, pair.ends[0]);
  reader.read_all();
  auto standing = std::make_unique<Told>(runtime);
  EXPECT_FALSE(reader.when_readable(standing->waiter));
  standing.reset();
  auto scheduled = std::make_unique<Told>(runtime);
  scheduled->waiter.tell_later();
  auto next_turn = std::make_unique<Told>(runtime);
  next_turn->waiter.tell_next_turn();
  scheduled.reset();
  next_turn.reset();
  EXPECT_EQ(::write(pair.ends[1], "x", 1), 1);
  EXPECT_EQ(co_await reader.readable(runtime.now() + 10s), error_code());
  co_await runtime.yield();
}
TEST(Waiter, LeavesWhenItIsDestroyed) {
  run(destroyed);
}

/// Whichever of the two is told first destroys the other.
struct Rival {
  Rival(Runtime& runtime, std::unique_ptr<Rival>& its_rival, int& told_in_all)
      : rival(its_rival),
        told(told_in_all),
        waiter(
            runtime,
            [](void* self, error_code) {
              auto& me = *static_cast<Rival*>(self);
              ++me.told;
              me.rival.reset();
            },
            this) {}
  std::unique_ptr<Rival>& rival;
  int& told;
  Waiter waiter;
};

task<> rivals(Runtime& runtime) {
  Pair first;
  Pair second;
  Descriptor a(runtime, first.ends[0]);
  Descriptor b(runtime, second.ends[0]);
  a.read_all();
  b.read_all();
  std::unique_ptr<Rival> one;
  std::unique_ptr<Rival> two;
  int told = 0;
  one = std::make_unique<Rival>(runtime, two, told);
  two = std::make_unique<Rival>(runtime, one, told);
  EXPECT_FALSE(a.when_readable(one->waiter));
  EXPECT_FALSE(b.when_readable(two->waiter));
  EXPECT_EQ(::write(first.ends[1], "x", 1), 1);
  EXPECT_EQ(::write(second.ends[1], "x", 1), 1);
  // NOLINTNEXTLINE(bugprone-infinite-loop): a Rival counts.
  while (told == 0) co_await runtime.sleep_for(1ms);
  co_await runtime.sleep_for(2ms);
  EXPECT_EQ(told, 1);
}
TEST(Waiter, MayBeDestroyedByWhoeverIsToldBefore) {
  run(rivals);
}

struct Counter {
  Routine count(std::shared_ptr<int> alive) {
    for (;; ++*alive) co_await Routine::pause;
  }
};

TEST(Routine, EndsWithItsOwnerWhereverItStands) {
  const auto alive = std::make_shared<int>(0);
  Counter counter;
  {
    Routine routine = counter.count(alive);
    EXPECT_EQ(alive.use_count(), 2) << "it holds its arguments before it begins";
    for (int i = 0; i < 4; ++i) routine.resume();
    EXPECT_EQ(*alive, 3);
    EXPECT_FALSE(routine.ended());
  }
  EXPECT_EQ(alive.use_count(), 1);
}

Routine twice(int& steps) {
  ++steps;
  co_await Routine::pause;
  ++steps;
}

TEST(Routine, SaysThatItHasEnded) {
  int steps = 0;
  Routine routine = twice(steps);
  EXPECT_EQ(steps, 0);
  routine.resume();
  EXPECT_FALSE(routine.ended());
  routine.resume();
  EXPECT_TRUE(routine.ended());
  EXPECT_EQ(steps, 2);
}

TEST(WaiterDeathTest, APlaceIsForOne) {
  EXPECT_DEATH(
      {
        Runtime runtime;
        Waiter* place = nullptr;
        Told first(runtime);
        Told second(runtime);
        first.waiter.stand_at(place);
        first.waiter.stand_at(place);  // where it stands already
        second.waiter.stand_at(place);
      },
      "place == nullptr");
}

}  // namespace
}  // namespace babilu
