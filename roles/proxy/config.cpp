#include "roles/proxy/config.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

namespace babilu::proxy {

namespace {

using namespace std::chrono_literals;

Backend parse_backend(const std::string& text) {
  return *Backend::parse(text);
}

bool is_backend(std::string_view text) {
  const auto backend = Backend::parse(text);
  return backend && config::is_address(backend->name);
}

std::string wrong_with_network(std::string_view text) {
  const auto network = Cidr::parse(text);
  return network ? std::string() : network.error();
}
std::string wrong_with_override(std::string_view text) {
  const auto entry = AdmissionOptions::parse_override(text, {});
  return entry ? std::string() : entry.error();
}

std::vector<Cidr> networks(const std::vector<std::string>& texts) {
  std::vector<Cidr> parsed;
  parsed.reserve(texts.size());
  for (const std::string& text : texts) parsed.push_back(*Cidr::parse(text));
  return parsed;
}

/// Connections of balancers that may wait for their header, on each event loop.
rlim_t unnamed_that_fit(const ProxyConfig& config, rlim_t files) {
  constexpr rlim_t share = 16, least = 4, most = 256;
  return std::clamp(files / share / config.node.threads, least, most);
}

/// Sessions that leave files for links, the admin endpoint and everything else: a machine that is
/// out of files could not even be asked what is wrong.
unsigned sessions_that_fit(const ProxyConfig& config) {
  constexpr rlim_t for_the_process = 24;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return config.sessions;
  const rlim_t unnamed = config.balancers.empty() ? 0 : unnamed_that_fit(config, files.rlim_cur);
  const rlim_t per_loop = 3 + config.backends.size() + unnamed;
  const rlim_t reserved = for_the_process + config.node.threads * per_loop;
  const rlim_t left = files.rlim_cur > reserved ? files.rlim_cur - reserved : 1;
  return static_cast<unsigned>(std::min<rlim_t>(config.sessions, left));
}

std::optional<std::string> check_plaintext(const ProxyConfig& config) {
  if (config.plaintext_sessions && !net::Address::parse(config.listen)->is_loopback()) {
    return "plaintext.sessions is allowed on a loopback address only; listen on 127.0.0.1";
  }
  if (!config.plaintext_links) return std::nullopt;
  for (const std::string& backend : config.backends) {
    if (parse_backend(backend).address.is_loopback()) continue;
    return "plaintext.links is allowed to loopback addresses only, but " + backend + " is none";
  }
  return std::nullopt;
}

}  // namespace

AdmissionOptions admission_of(const ProxyConfig& config) {
  AdmissionOptions options{.sessions = sessions_that_fit(config),
                           .total_handshakes_per_second = config.total_handshakes,
                           .each = config.each_address,
                           .overrides = {},
                           .exempt = networks(config.exempt)};
  // Where not all fit, no address should have all that do.
  if (options.sessions < config.sessions) {
    options.each.sessions = std::min(options.each.sessions, std::max(options.sessions / 2, 1u));
  }
  for (const std::string& text : config.overrides) {
    options.overrides.push_back(*AdmissionOptions::parse_override(text, options.each));
  }
  return options;
}

ProxyOptions options_of(const ProxyConfig& config) {
  constexpr std::size_t link_buffer = 256 * 1024;
  ProxyOptions options;
  for (const std::string& backend : config.backends) {
    options.backends.push_back(parse_backend(backend));
  }
  options.drain_timeout = config.drain_timeout;
  options.handshake_timeout = config.handshake_timeout;
  options.session.limits.frame = static_cast<std::uint32_t>(config.frame_limit.bytes);
  options.session.limits.streams = config.streams;
  options.session.frame_timeout = config.frame_timeout;
  options.session.idle_timeout = config.idle_timeout;
  options.relay.wait_for_backend = config.wait_for_backend;
  options.balancers = networks(config.balancers);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    options.unnamed = unnamed_that_fit(config, files.rlim_cur);
  }
  options.link.connection.ping_after = std::chrono::seconds(2);
  options.link.connection.ping_timeout = std::chrono::seconds(3);
  options.link.connection.outbox.keep = link_buffer;
  return options;
}

bool needs_restart(const ProxyConfig& running, const ProxyConfig& config) {
  return config.listen != running.listen || config.node.admin_listen != running.node.admin_listen ||
         config.node.threads != running.node.threads ||
         config.plaintext_sessions != running.plaintext_sessions ||
         config.plaintext_links != running.plaintext_links;
}

void bind(config::Schema& schema, ProxyConfig& config) {
  node::bind(schema, config.node);
  schema.option("listen", config.listen, "where clients connect", config::listen_address());
  schema.option("backends", config.backends, "where the backends are",
                config::readable("a backend such as 127.0.0.1:7401, or \"127.0.0.1:7401 weight=2\"",
                                 is_backend));
  schema.option("certificates", config.certificates,
                "the directory with ca.pem and proxy/, as `babilu certificates init` makes it");
  schema.option("drain_timeout", config.drain_timeout,
                "how long sessions may take to end when the process is told to stop",
                config::range(0ms, 24h));
  schema.option("wait_for_backend", config.wait_for_backend,
                "how long a request waits while no backend is there", config::range(0ms, 1h));
  schema.option("access_log", config.access_one_of,
                "log one of so many requests, 1 for each; 0 for none",
                config::range_or_zero(1u, 1'000'000'000u));
  schema.option("balancers", config.balancers,
                "networks of load balancers whose connections begin with a PROXY v2 header",
                config::readable("a network such as 10.0.0.0/8", wrong_with_network));
  auto limits = schema.section("limits", "what a client may do");
  limits.option("sessions", config.sessions, "sessions open at once, in all",
                config::range(1u, 1'000'000u));
  limits.option("sessions_per_address", config.each_address.sessions,
                "the same for one address, or one /64 of IPv6; 0 for no limit",
                config::range_or_zero(1u, most_of_an_address));
  limits.option("total_handshakes_per_second", config.total_handshakes,
                "new sessions a second in all, twice as many at once; 0 for no limit",
                config::range_or_zero(1u, most_of_an_address));
  limits.option("handshakes_per_second", config.each_address.handshakes_per_second,
                "new sessions a second for one address, twice as many at once; 0 for no limit",
                config::range_or_zero(1u, most_of_an_address));
  limits.option("requests_per_second", config.each_address.requests_per_second,
                "requests a second for one address, twice as many at once; 0 for no limit",
                config::range_or_zero(1u, most_of_an_address));
  limits.option(
      "overrides", config.overrides, "other limits for some networks; 0 for none",
      config::readable(
          "a network and limits such as \"10.0.0.0/8 sessions=5000 handshakes=500 requests=20000\"",
          wrong_with_override));
  limits.option("exempt", config.exempt, "networks without limits for an address",
                config::readable("a network such as 127.0.0.0/8", wrong_with_network));
  limits.option("handshake_timeout", config.handshake_timeout, "how long a handshake may take",
                config::range(10ms, 1h));
  limits.option("frame_timeout", config.frame_timeout, "how long a frame may take to arrive",
                config::range(10ms, 1h));
  limits.option("idle_timeout", config.idle_timeout,
                "how long a session may ask nothing; 0s for ever",
                config::range_or_zero(10ms, 24h * 365));
  limits.option("streams", config.streams, "requests of a session that may be unanswered",
                config::range(1u, 65'536u));
  limits.option("frame", config.frame_limit, "most bytes in a frame",
                config::range(config::ByteSize{rpc::least_frame_limit},
                              config::ByteSize{wire::default_frame_limit}));
  auto plaintext = schema.section("plaintext", "no TLS: for benchmarks, on loopback only");
  plaintext.option("sessions", config.plaintext_sessions, "clients connect without TLS");
  plaintext.option("links", config.plaintext_links, "backends are reached without TLS");
  schema.check([&config] { return check_plaintext(config); });
}

}  // namespace babilu::proxy
