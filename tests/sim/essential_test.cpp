// What a role cannot do without is known as that: when it dies by an exception the process is told.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/rpc/channel.h"
#include "core/runtime/runtime.h"
#include "tests/sim/broken_network.h"
#include "tests/sim/stack.h"

namespace babilu {
namespace {

/// A process that notes what is told of its essential coroutines, and drains then.
struct Process {
  Process() {
    world.runtime().on_failure([](std::string_view, const std::exception_ptr&) {});
    world.runtime().on_essential_failure(
        [this](std::string_view coroutine, const std::exception_ptr&) {
          died.emplace_back(coroutine);
          lifecycle.fail("a bug");
        });
  }

  sim::World world{1};
  test::BrokenNetwork network;
  net::Plaintext security;
  telemetry::Metrics metrics;
  telemetry::Log log = test::log_into(world, "node");
  Lifecycle lifecycle;
  std::vector<std::string> died;
};

TEST(EssentialCoroutines, ABackendsAcceptorIsOne) {
  Process process;
  server::ServerMetrics observer(process.metrics);
  server::ServerShared shared{{}, process.lifecycle, process.log, observer};
  const rpc::ServiceTable services;
  server::Server server(process.world.runtime(), process.security,
                        std::make_unique<test::BrokenListener>(), services, shared);
  process.world.run(server.run());
  EXPECT_EQ(process.died, (std::vector<std::string>{"accept"}));
}

TEST(EssentialCoroutines, AProxysLinksAndItsAcceptorAreSome) {
  Process process;
  proxy::Figures figures(process.metrics);
  proxy::Observer observer(process.metrics, process.log, process.log);
  proxy::Admission admission{{}, process.world.runtime().random()};
  proxy::ProxyShared shared{process.lifecycle, process.log, observer, figures, admission};
  proxy::ProxyOptions options;
  options.backends.push_back(proxy::Backend::parse("backend:7401").value());
  proxy::Proxy proxy(process.world.runtime(), process.network, process.security, process.security,
                     std::make_unique<test::BrokenListener>(), shared, std::move(options));
  process.world.run(proxy.run());
  EXPECT_EQ(process.died, (std::vector<std::string>{"link", "accept"}));
}

task<> start_and_close(Runtime& runtime, rpc::Channel& channel) {
  channel.start();
  co_await runtime.yield();
  co_await channel.close();
}

TEST(EssentialCoroutines, AChannelsIsOne) {
  Process process;
  Runtime& runtime = process.world.runtime();
  rpc::Channel channel(runtime, process.network, process.security,
                       {.targets = {net::Address{"proxy", 7400}}});
  process.world.run(start_and_close(runtime, channel));
  EXPECT_EQ(process.died, (std::vector<std::string>{"channel"}));
}

}  // namespace
}  // namespace babilu
