// What a peer cannot do without is known as that: its acceptor, and whoever dials.
#include <gtest/gtest.h>

#include "tests/sim/broken_network.h"
#include "tests/sim/peer_support.h"

namespace babilu::peer {
namespace {

using namespace std::chrono_literals;

task<> listen_and_dial(testing::Town& town, std::vector<std::string>& died) {
  Runtime& runtime = town.world.runtime();
  auto ada = co_await town.peer("ada");
  test::BrokenNetwork network;
  Node node(runtime, network, ada->security, *ada->profile, {}, ada->events);
  node.listen(std::make_unique<test::BrokenListener>());
  co_await runtime.sleep_for(1ms);
  EXPECT_EQ(died, (std::vector<std::string>{"accept"}));
  node.dial({"bob", testing::port});
  co_await runtime.sleep_for(1ms);
  EXPECT_EQ(died, (std::vector<std::string>{"accept", "dial"}));
  co_await node.leave(runtime.now() + 1s);
  co_await ada->stop();
}

TEST(PeerEssentialCoroutines, AreTheAcceptorAndWhoeverDials) {
  testing::Town town(1);
  std::vector<std::string> died;
  town.world.runtime().on_failure([](std::string_view, const std::exception_ptr&) {});
  town.world.runtime().on_essential_failure(
      [&](std::string_view name, const std::exception_ptr&) { died.emplace_back(name); });
  town.world.run(listen_and_dial(town, died));
}

}  // namespace
}  // namespace babilu::peer
