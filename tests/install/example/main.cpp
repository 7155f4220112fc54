// A service of one's own and a client of it, on an installed Babilu: in a simulated world, then as
// a process that is asked over loopback and drains.
#include <chrono>
#include <iostream>
#include <string>

#include <babilu/core/base/version.h>
#include <babilu/core/net/security.h>
#include <babilu/core/node/node.h>
#include <babilu/core/rpc/channel.h>
#include <babilu/core/rpc/session.h>
#include <babilu/core/rpc/typed.h>
#include <babilu/core/runtime/runtime.h>
#include <babilu/core/runtime/scope.h>
#include <babilu/core/sim/world.h>

#include "greeting.pb.h"

#if !defined(_GLIBCXX_ASSERTIONS) || !defined(BOOST_ASIO_SEPARATE_COMPILATION) || \
    !defined(BOOST_ASIO_NO_DEPRECATED) || !defined(BOOST_BEAST_SEPARATE_COMPILATION)
#error "The package does not carry what its libraries were compiled with"
#endif

using namespace babilu;

namespace {

struct Greeter {
  static constexpr rpc::Method<Greeter, greeter::GreetRequest, greeter::GreetReply> greet{
      {0x4001, "greeter.Greet", rpc::MethodKind::idempotent}};

  task<rpc::Outcome<greeter::GreetReply>> on_greet(rpc::Call&,
                                                   const greeter::GreetRequest& request) {
    greeter::GreetReply reply;
    reply.set_text("hello, " + request.name());
    co_return reply;
  }
};

task<> serve_one(Runtime& runtime, net::Listener& listener, const rpc::ServiceTable& services) {
  auto stream = co_await listener.accept();
  rpc::Session session(runtime, std::move(stream.value()), rpc::Side::listener, services, {});
  co_await session.run();
}

task<std::string> ask(Runtime& runtime, net::Network& network, net::Address server) {
  net::Plaintext plaintext;
  rpc::ChannelOptions options;
  options.targets = {std::move(server)};
  rpc::Channel channel(runtime, network, plaintext, std::move(options));
  channel.start();
  greeter::GreetRequest request;
  request.set_name("stranger");
  auto reply = co_await rpc::Client<Greeter>(channel).call(
      Greeter::greet, request, {.deadline = runtime.now() + std::chrono::seconds(20)});
  co_await channel.close();
  co_return reply.value().text();
}

/// Serves one client on one network, which asks on the other.
task<> greet(Runtime& runtime, net::ListenerPtr listener, net::Network& clients,
             std::string* said) {
  Greeter greeter;
  rpc::ServiceTable services;
  services.offer(0x40, "greeter", 1);
  rpc::add(services, Greeter::greet, &greeter, &Greeter::on_greet);
  Scope scope(runtime);
  scope.spawn("serve", serve_one(runtime, *listener, services));
  *said = co_await ask(runtime, clients, listener->local());
  co_await scope.join();
}

std::string greet_in_a_world() {
  sim::World world(1);
  std::string said;
  auto listener = world.host("server").listen({"server", 1}).value();
  world.run(greet(world.runtime(), std::move(listener), world.host("client"), &said));
  return said;
}

task<> serve(node::Node& node, Runtime& runtime, net::Network& network, std::string* said) {
  auto listener = node.listen(network, "127.0.0.1:0", "--listen");
  node.started();
  co_await greet(runtime, std::move(listener), network, said);
  node.lifecycle().advance(Phase::draining);
}

std::string greet_as_a_process() {
  node::NodeConfig config;
  config.name = "greeter";
  config.admin_listen = "127.0.0.1:0";
  node::Node node(config);
  std::string said;
  const int code = node.run([&](Runtime& runtime, net::Network& network, unsigned) {
    return serve(node, runtime, network, &said);
  });
  return code == 0 ? said : "";
}

}  // namespace

int main() {
  if (version != EXPECTED_VERSION) return 1;
  for (const std::string& said : {greet_in_a_world(), greet_as_a_process()}) {
    std::cout << "Babilu " << version << ": " << said << '\n';
    if (said != "hello, stranger") return 1;
  }
}
