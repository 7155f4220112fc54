// Several Runtimes of a process on one port, and no other process.
#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/net/tcp.h"
#include "core/runtime/runtime.h"

namespace babilu::net {
namespace {

constexpr Network::ListenOptions shared{.share_port = true};

TEST(SharedAddress, IsForTheRuntimesOfOneProcess) {
  Runtime runtime;
  SharedAddresses ours, others;
  TcpNetwork first(runtime, ours), second(runtime, ours), stranger(runtime, others);
  const auto one = first.listen({"127.0.0.1", 0}, shared);
  ASSERT_TRUE(one) << one.error().message();
  const Address address = (*one)->local();
  for (int i = 0; i < 2; ++i) {
    const auto theirs = stranger.listen(address, shared);
    ASSERT_FALSE(theirs) << "another process with several loops";
    EXPECT_EQ(theirs.error(), boost::asio::error::address_in_use);
    EXPECT_FALSE(stranger.listen(address)) << "or with one";
    const auto another = second.listen(address, shared);
    EXPECT_TRUE(another) << another.error().message();
  }
}

TEST(SharedAddress, IsFreeAgainWhenAllHaveLeft) {
  Runtime runtime;
  SharedAddresses ours, others;
  TcpNetwork first(runtime, ours), second(runtime, ours), stranger(runtime, others);
  auto one = first.listen({"127.0.0.1", 0}, shared);
  ASSERT_TRUE(one);
  const Address address = (*one)->local();
  auto another = second.listen(address, shared);
  ASSERT_TRUE(another);
  (*one)->close();
  EXPECT_FALSE(stranger.listen(address, shared)) << "one is still there";
  (*another)->close();
  EXPECT_TRUE(stranger.listen(address, shared));
}

TEST(SharedAddress, IsNotTakenFromSomebodyWhoHasIt) {
  Runtime runtime;
  SharedAddresses ours;
  TcpNetwork alone(runtime), network(runtime, ours);
  const auto taken = alone.listen({"127.0.0.1", 0});
  ASSERT_TRUE(taken);
  EXPECT_FALSE(network.listen((*taken)->local(), shared));
  EXPECT_FALSE(network.listen((*taken)->local(), shared)) << "nor at the second try";
}

}  // namespace
}  // namespace babilu::net
