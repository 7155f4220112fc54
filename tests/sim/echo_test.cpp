// Plaintext echo through client, proxy and backend, in the simulator.
#include <gtest/gtest.h>

#include "core/rpc/typed.h"
#include "core/sim/world.h"
#include "roles/api/echo.pb.h"
#include "roles/backend/echo/echo.h"
#include "roles/backend/server.h"
#include "roles/proxy/proxy.h"

namespace babilu {
namespace {

using namespace std::chrono_literals;

const net::Address proxy_address{"proxy", 7400};

struct BackendNode {
  BackendNode(sim::World& world, const net::Address& at) : observer(metrics) {
    echo.offer(services);
    shared = std::make_unique<backend::ServerShared>(
        backend::ServerShared{{}, lifecycle, {}, observer});
    shared->options.session.trust_hop_without_certificate = true;
    server = std::make_unique<backend::Server>(world.runtime(), security,
                                               *world.host(at.host).listen(at), services, *shared);
  }
  telemetry::Metrics metrics;
  Lifecycle lifecycle;
  rpc::ServiceTable services;
  net::Plaintext security;
  backend::Echo echo;
  backend::Observer observer;
  std::unique_ptr<backend::ServerShared> shared;
  std::unique_ptr<backend::Server> server;
};

struct ProxyNode {
  ProxyNode(sim::World& world, std::vector<net::Address> backends) : observer(metrics, {}) {
    shared = std::make_unique<proxy::ProxyShared>(
        proxy::ProxyShared{{.backends = std::move(backends)}, lifecycle, {}, observer});
    proxy = std::make_unique<proxy::Proxy>(world.runtime(), world.host("proxy"), security, security,
                                           *world.host("proxy").listen(proxy_address), *shared);
  }
  telemetry::Metrics metrics;
  Lifecycle lifecycle;
  net::Plaintext security;
  proxy::Observer observer;
  std::unique_ptr<proxy::ProxyShared> shared;
  std::unique_ptr<proxy::Proxy> proxy;
};

task<> echo_through_the_stack(sim::World& world, bool& done) {
  Runtime& runtime = world.runtime();
  BackendNode a(world, {"backend-a", 7401});
  BackendNode b(world, {"backend-b", 7402});
  ProxyNode proxy(world, {{"backend-a", 7401}, {"backend-b", 7402}});
  Scope scope(runtime);
  scope.spawn("a", a.server->run());
  scope.spawn("b", b.server->run());
  scope.spawn("proxy", proxy.proxy->run());

  net::Plaintext plaintext;
  rpc::Channel channel(runtime, world.host("client"), plaintext, {.targets = {proxy_address}});
  channel.start();
  co_await runtime.sleep_for(1s);
  EXPECT_EQ(proxy.proxy->links_up(), 2u);

  rpc::Client<api::Echo> echo(channel);
  api::EchoRequest request;
  request.set_payload("hello");
  const auto reply =
      co_await echo.call(api::Echo::echo, request, {.deadline = runtime.now() + 5s});
  EXPECT_TRUE(reply) << reply.error().to_string();
  if (reply) EXPECT_EQ(reply->payload(), "hello");

  co_await channel.close();
  proxy.lifecycle.advance(Phase::draining);
  a.lifecycle.advance(Phase::draining);
  b.lifecycle.advance(Phase::draining);
  co_await scope.join();
  done = true;
}

TEST(EchoInTheSimulator, PassesThroughProxyAndBackend) {
  sim::World world(1);
  bool done = false;
  world.run(echo_through_the_stack(world, done));
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace babilu
