#include "tests/integration/support/rpc_client.h"

#include "core/tls/security.h"

namespace babilu::testing {

RpcClient::RpcClient(const Stack& stack) {
  if (stack.plaintext()) {
    security_ = std::make_unique<net::Plaintext>();
  } else {
    auto context =
        tls::Context::load({.authority = stack.authority()}, std::chrono::system_clock::now());
    security_ = tls::make_security(runtime_, context.value(), {.dialed = "proxy", .accepted = ""});
  }
  rpc::ChannelOptions options;
  options.targets = {net::Address::parse(stack.target()).value()};
  channel_ = std::make_unique<rpc::Channel>(runtime_, network_, *security_, std::move(options));
  channel_->start();
}

RpcClient::~RpcClient() {
  runtime_.run(channel_->close());
}

}  // namespace babilu::testing
