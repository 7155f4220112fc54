#include "roles/proxy/process.h"

#include <fmt/format.h>

#include "core/runtime/runtime.h"
#include "core/tls/security.h"

namespace babilu::proxy {

using node::StartError;
using telemetry::field;

namespace {

net::Address parse(const std::string& address) { return *net::Address::parse(address); }

ProxyOptions options_of(const ProxyConfig& config) {
  ProxyOptions options;
  for (const std::string& backend : config.backends) options.backends.push_back(parse(backend));
  options.drain_timeout = config.drain_timeout;
  options.handshake_timeout = config.handshake_timeout;
  options.session.limits.frame = static_cast<std::uint32_t>(config.frame_limit.bytes);
  options.link.connection.ping_after = std::chrono::seconds(2);
  options.link.connection.ping_timeout = std::chrono::seconds(3);
  return options;
}

tls::ContextPtr load_context(const ProxyConfig& config) {
  if (config.plaintext_sessions && config.plaintext_links) return nullptr;
  const auto& directory = config.certificates;
  auto context = tls::Context::load({.certificate = directory / "proxy" / "certificate.pem",
                                     .key = directory / "proxy" / "key.pem",
                                     .authority = directory / "ca.pem"},
                                    std::chrono::system_clock::now());
  if (!context) throw StartError(context.error().to_string());
  return *context;
}

std::unique_ptr<net::Security> make_security(bool plaintext, Runtime& runtime,
                                             const tls::ContextPtr& context, tls::Roles roles) {
  if (plaintext) return std::make_unique<net::Plaintext>();
  return tls::make_security(runtime, context, std::move(roles));
}

/// A proxy process: what its Runtimes share.
class Process {
 public:
  explicit Process(const ProxyConfig& config)
      : config_(config),
        node_(config.node),
        context_(load_context(config)),
        observer_(node_.metrics(), node_.log().component("proxy")),
        shared_{options_of(config), node_.lifecycle(), node_.log().component("proxy"), observer_} {
    node_.lifecycle().add_check("backends", [this]() -> std::optional<std::string> {
      if (observer_.links_up() > 0) return std::nullopt;
      return "no backend is connected";
    });
  }

  int run() {
    return node_.run([this](Runtime& runtime, net::Network& network, unsigned) {
      return serve(runtime, network);
    });
  }

 private:
  task<> serve(Runtime& runtime, net::Network& network) {
    const auto sessions = make_security(config_.plaintext_sessions, runtime, context_,
                                        {.dialed = "", .accepted = ""});
    const auto links = make_security(config_.plaintext_links, runtime, context_,
                                     {.dialed = "backend", .accepted = ""});
    Proxy proxy(runtime, network, *sessions, *links,
                node_.listen(network, config_.listen, "--listen"), shared_);
    node_.log().info("proxy listens", field("address", proxy.local().to_string()),
                     field("tls", sessions->encrypted()),
                     field("backends", fmt::format("{}", fmt::join(config_.backends, ", "))));
    node_.started();
    co_await proxy.run();
  }

  const ProxyConfig& config_;
  node::Node node_;
  const tls::ContextPtr context_;
  Observer observer_;
  ProxyShared shared_;
};

std::optional<std::string> check_plaintext(const ProxyConfig& config) {
  if (config.plaintext_sessions && !parse(config.listen).is_loopback()) {
    return "plaintext.sessions is allowed on a loopback address only; listen on 127.0.0.1";
  }
  if (!config.plaintext_links) return std::nullopt;
  for (const std::string& backend : config.backends) {
    if (parse(backend).is_loopback()) continue;
    return "plaintext.links is allowed to loopback addresses only, but " + backend + " is none";
  }
  return std::nullopt;
}

}  // namespace

void bind(config::Schema& schema, ProxyConfig& config) {
  node::bind(schema, config.node);
  schema.option("listen", config.listen, "where clients connect", config::listen_address());
  schema.option("backends", config.backends, "where the backends are", config::address());
  schema.option("certificates", config.certificates,
                "the directory with ca.pem and proxy/, as `babilu certificates init` makes it");
  schema.option("drain_timeout", config.drain_timeout,
                "how long sessions may take to end when the process is told to stop");
  auto limits = schema.section("limits", "what a client may do");
  limits.option("handshake_timeout", config.handshake_timeout, "how long a handshake may take");
  limits.option("frame", config.frame_limit, "most bytes in a frame",
                config::range(config::ByteSize{1024}, config::ByteSize{wire::default_frame_limit}));
  auto plaintext = schema.section("plaintext", "no TLS: for benchmarks, on loopback only");
  plaintext.option("sessions", config.plaintext_sessions, "clients connect without TLS");
  plaintext.option("links", config.plaintext_links, "backends are reached without TLS");
  schema.check([&config] { return check_plaintext(config); });
}

int run_proxy(const ProxyConfig& config) {
  try {
    return Process(config).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "babilu proxy: {}\n", error.what());
    return 1;
  }
}

}  // namespace babilu::proxy
