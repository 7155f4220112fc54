#include "tests/integration/support/rpc_client.h"

#include "core/tls/security.h"

namespace babilu::testing {

tls::ContextPtr client_context(const Stack& stack) {
  const auto now = std::chrono::system_clock::now();
  return tls::Context::load({.authority = stack.authority()}, now).value();
}

RpcClient::RpcClient(const Stack& stack, tls::ContextPtr context) {
  if (stack.plaintext()) {
    security_ = std::make_unique<net::Plaintext>();
  } else {
    if (!context) context = client_context(stack);
    security_ = tls::make_security(runtime_, context, {.dialed = "proxy", .accepted = ""});
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
