#include "tools/babilu/client.h"

#include "core/net/tcp.h"
#include "core/runtime/runtime.h"
#include "core/tls/security.h"
#include "tools/babilu/exit_code.h"

namespace babilu::cli {

using rpc::Status;

namespace {

using namespace std::chrono_literals;

/// How often a connection that is being made is looked at.
constexpr auto look_every = 20ms;

net::Address parse(const std::string& address) {
  return *net::Address::parse(address);
}

rpc::Outcome<tls::ContextPtr> load_context(const ClientConfig& config) {
  if (config.plaintext) return tls::ContextPtr();
  auto context = tls::Context::load({.authority = config.ca}, std::chrono::system_clock::now());
  if (context) return *context;
  return usage_error(context.error().to_string() +
                     "; name the authority to trust by --ca FILE or BABILU_CA");
}

std::unique_ptr<net::Security> make_security(Runtime& runtime, const tls::ContextPtr& context) {
  if (!context) return std::make_unique<net::Plaintext>();
  return tls::make_security(runtime, context, {.dialed = "proxy", .accepted = ""});
}

task<Status> connected(Runtime& runtime, rpc::Channel& channel, Deadline deadline) {
  for (;;) {
    Status status =
        co_await channel.ready(std::min<Deadline>(deadline, runtime.now() + look_every));
    const bool undecided = status.is(rpc::reasons.not_connected) && runtime.now() < deadline;
    if (!undecided) co_return status;
  }
}

/// What is wrong is often a side's idea of what the port speaks; only this side knows its own.
void explain(const ClientConfig& config, Status& status) {
  if (!status.is(rpc::reasons.cannot_connect)) return;
  status.message += config.plaintext ? "; if that port wants TLS, leave --plaintext out"
                                     : "; --target says where the proxy is, --ca whom to trust";
}

task<> exchange(Runtime& runtime, const ClientConfig& config, const tls::ContextPtr& context,
                const rpc::MethodTraits& method, ByteView message, ByteView token,
                rpc::Reply& reply) {
  const Deadline deadline = runtime.now() + config.deadline;
  net::TcpNetwork network(runtime);
  const auto security = make_security(runtime, context);
  rpc::ChannelOptions options;
  options.targets = {parse(config.target)};
  options.connect_timeout = config.deadline;
  rpc::Channel channel(runtime, network, *security, std::move(options));
  channel.start();
  reply.status = co_await connected(runtime, channel, deadline);
  explain(config, reply.status);
  if (reply.status.ok()) {
    reply = co_await channel.call(method, message, {.deadline = deadline, .token = text_of(token)});
  }
  co_await channel.close();
}

std::optional<std::string> check_plaintext(const ClientConfig& config) {
  if (!config.plaintext || parse(config.target).is_loopback()) return std::nullopt;
  return "plaintext is for a target on loopback only, and " + config.target + " is none";
}

}  // namespace

void bind(config::Schema& schema, ClientConfig& config) {
  schema.option("target", config.target, "where the proxy is", config::address());
  schema.option("ca", config.ca, "file of the authority that the proxy's certificate leads to");
  schema.option("plaintext", config.plaintext, "use no TLS; for a target on loopback only");
  schema.option("deadline", config.deadline, "how long it may take",
                config::range(std::chrono::nanoseconds(1ms), std::chrono::nanoseconds(1h)));
  schema.option("json", config.json, "answer in JSON, also when it fails");
  schema.check([&config] { return check_plaintext(config); });
}

rpc::Reply call(const ClientConfig& config, const rpc::MethodTraits& method, ByteView message,
                ByteView token) {
  const auto context = load_context(config);
  if (!context) return rpc::Reply::refuse(context.error());
  rpc::Reply reply;
  Runtime runtime;
  runtime.run(exchange(runtime, config, *context, method, message, token, reply));
  return reply;
}

}  // namespace babilu::cli
