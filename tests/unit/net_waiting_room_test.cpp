// Who gives way when there is no room.
#include <gtest/gtest.h>

#include <list>
#include <string>

#include "core/net/memory.h"
#include "core/net/waiting_room.h"
#include "core/runtime/runtime.h"

namespace babilu::net {
namespace {

/// A guest with the two ends of a connection.
struct Visitor {
  Visitor(Runtime& runtime, WaitingRoom& room, std::string host)
      : pair(make_memory_pair(runtime, {.name_b = {std::move(host), 1}})), guest(room, *pair.a) {}
  MemoryPair pair;
  Guest guest;
};

class Waiting : public ::testing::Test {
 protected:
  Visitor& enter(const std::string& host) { return visitors.emplace_back(runtime, room, host); }
  /// Who had to go, by the order in which they came.
  std::string gone() const {
    std::string all;
    for (const Visitor& visitor : visitors) all += visitor.guest.gone() ? 'x' : '.';
    return all;
  }

  Runtime runtime;
  int gave_way = 0;
  WaitingRoom room{3, [this] { ++gave_way; }};
  std::list<Visitor> visitors;
};

TEST_F(Waiting, TheOldestGoesFirst) {
  for (int i = 0; i < 5; ++i) enter("a");
  EXPECT_EQ(gone(), "xx...");
  EXPECT_EQ(gave_way, 2);
  EXPECT_EQ(room.size(), 3U);
  visitors.back().guest.leave();
  enter("a");
  EXPECT_EQ(gone(), "xx....") << "there was a place";
}

TEST_F(Waiting, WhoWaitsForSomethingElseBeginsAnew) {
  enter("a").guest.wait();
  Visitor& second = enter("a");
  enter("a");
  second.guest.wait();
  enter("a");
  enter("a");
  EXPECT_EQ(gone(), "x.x..");
}

TEST_F(Waiting, OfTheAddressThatHasMost) {
  enter("192.0.2.1");
  for (int i = 0; i < 20; ++i) enter("192.0.2.2");
  EXPECT_EQ(gone(), "." + std::string(18, 'x') + "..");
  enter("192.0.2.3");
  EXPECT_EQ(gone(), "." + std::string(19, 'x') + "..");
}

TEST_F(Waiting, ANetworkOfIpv6IsOneAddress) {
  enter("2001:db8:1::1");
  for (int i = 1; i < 10; ++i) enter("2001:db8:2::" + std::to_string(i));
  EXPECT_EQ(gone(), "." + std::string(7, 'x') + "..");
}

TEST_F(Waiting, TheStreamOfWhoGoesIsClosed) {
  for (int i = 0; i < 4; ++i) enter("a");
  std::uint8_t byte = 0;
  EXPECT_TRUE(visitors.front().pair.a->read_some({&byte, 1}).error);
  EXPECT_NE(visitors.front().pair.a->read_some({&byte, 1}).error, boost::asio::error::would_block);
  EXPECT_EQ(visitors.back().pair.a->read_some({&byte, 1}).error, boost::asio::error::would_block);
}

TEST_F(Waiting, APlaceGoesWithItsGuest) {
  enter("a");
  visitors.clear();
  EXPECT_EQ(room.size(), 0U);
}

}  // namespace
}  // namespace babilu::net
