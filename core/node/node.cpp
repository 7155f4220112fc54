#include "core/node/node.h"

#include <cassert>
#include <optional>

#include <fmt/format.h>

#include "core/admin/admin.h"
#include "core/base/private_file.h"
#include "core/base/private_memory.h"
#include "core/base/standard_streams.h"
#include "core/base/version.h"
#include "core/net/tcp.h"
#include "core/node/loop_lag.h"
#include "core/runtime/failure.h"
#include "core/runtime/process.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/telemetry/log_metrics.h"
#include "core/telemetry/process_metrics.h"

namespace babilu::node {

using telemetry::field;

namespace {

telemetry::LogOptions log_options(const NodeConfig& config) {
  telemetry::LogOptions options;
  options.level = config.log_level;
  options.format = config.log_format;
  return options;
}

net::Address parse(const std::string& address) {
  auto parsed = net::Address::parse(address);
  if (!parsed) throw StartError(address + " is no address such as 127.0.0.1:7400");
  return *parsed;
}

admin::AdminOptions admin_options(const NodeConfig& config) {
  admin::AdminOptions options;
  options.name = config.name;
  options.version = version;
  if (!config.admin_token.value.empty()) options.token = config.admin_token.value;
  return options;
}

net::ListenerPtr listen_admin(net::Network& network, const NodeConfig& config) {
  auto listener = admin::listen(network, parse(config.admin_listen), admin_options(config));
  if (listener) return std::move(*listener);
  throw StartError(fmt::format(
      "the admin endpoint cannot listen on {}: {}; choose another address with --admin-listen",
      config.admin_listen, listener.error().message()));
}

std::optional<std::string> check_admin_token(const NodeConfig& config) {
  const auto open = open_to_everybody(config.admin_token.file);
  if (!open) return std::nullopt;
  return fmt::format("the admin token is in {}: {}", config.admin_token.file.string(), *open);
}

}  // namespace

void bind(config::Schema& schema, NodeConfig& config) {
  schema.option("name", config.name, "what this process is called in logs and on the dashboard",
                config::not_empty());
  schema.option("threads", config.threads, "cores to use, an event loop each",
                config::range(1u, 64u));
  auto admin = schema.section("admin", "health, metrics and dashboard over HTTP");
  admin.option("listen", config.admin_listen, "where the admin endpoint listens",
               config::listen_address());
  admin.secret(
      "token", config.admin_token,
      "what callers of the admin endpoint must know; without, which is for loopback alone, "
      "anybody there may look and nobody may change anything");
  schema.check([&config] { return check_admin_token(config); });
  auto log = schema.section("log", "the log on standard error");
  log.option("level", config.log_level, "the least important entries to write",
             config::choices<telemetry::LogLevel>({{"trace", telemetry::LogLevel::trace},
                                                   {"debug", telemetry::LogLevel::debug},
                                                   {"info", telemetry::LogLevel::info},
                                                   {"warn", telemetry::LogLevel::warn},
                                                   {"error", telemetry::LogLevel::error}}));
  log.option("format", config.log_format, "text for people, json for machines",
             config::choices<telemetry::LogFormat>(
                 {{"text", telemetry::LogFormat::text}, {"json", telemetry::LogFormat::json}}));
}

void report_start_failure(const NodeConfig& config, const char* program, const std::string& why) {
  if (config.log_format == telemetry::LogFormat::json) {
    telemetry::Log(log_options(config)).error("cannot start", field("why", why));
  } else {
    print_error(fmt::format("{}: {}\n", program, why));
  }
}

Node::Node(NodeConfig config, MakeNetwork make_network)
    : config_(std::move(config)),
      log_(log_options(config_)),
      loop_lag_(metrics_.histogram("babilu_loop_lag_seconds",
                                   "How late the event loops were, looked at now and then")),
      make_network_(std::move(make_network)) {
  assert(config_.threads > 0);
  keep_memory_private();
  own_metrics_ = telemetry::register_process_metrics(metrics_);
  for (auto& registration : telemetry::register_log_metrics(metrics_, log_)) {
    own_metrics_.push_back(std::move(registration));
  }
  for (const Phase phase : {Phase::starting, Phase::ready, Phase::draining, Phase::stopped}) {
    own_metrics_.push_back(metrics_.gauge_callback(
        "babilu_phase", "What the process is doing: 1 at its phase", {{"phase", to_string(phase)}},
        [this, phase] { return lifecycle_.phase() == phase ? 1.0 : 0.0; }));
  }
}
Node::~Node() = default;

void Node::started() {
  const unsigned started = started_.fetch_add(1) + 1;
  assert(started <= config_.threads);
  if (started == config_.threads) lifecycle_.advance(Phase::ready);
}

net::ListenerPtr Node::listen(net::Network& network, const std::string& address, const char* flag) {
  net::Address at = parse(address);
  const bool any_port = at.port == 0;
  // Held until the first has its port: the others come to wait for that.
  std::unique_lock lock(ports_mutex_, std::defer_lock);
  if (any_port) {
    lock.lock();
    if (const auto chosen = chosen_ports_.find(flag); chosen != chosen_ports_.end()) {
      at.port = chosen->second;
    }
  }
  auto listener = network.listen(at, {.share_port = config_.threads > 1});
  if (listener) {
    if (any_port) chosen_ports_[flag] = (*listener)->local().port;
    return std::move(*listener);
  }
  throw StartError(fmt::format("cannot listen on {}: {}; choose another address with {}", address,
                               listener.error().message(), flag));
}

int Node::run(Serve serve, Extend extend) {
  assert(!serve_);  // once
  serve_ = std::move(serve);
  extend_ = std::move(extend);
  try {
    run_process(config_.threads, lifecycle_,
                [this](Runtime& runtime, unsigned index) { return run_on(runtime, index); });
  } catch (const std::exception& error) {
    log_.error("cannot go on", field("why", error.what()));
    return 1;
  }
  log_.report_suppressed();
  log_.info("stopped");
  return 0;
}

task<> Node::run_on(Runtime& runtime, unsigned index) {
  runtime.on_failure([this](std::string_view coroutine, std::exception_ptr failure) {
    log_.error("an exception left a coroutine: a bug", field("coroutine", coroutine),
               field("what", describe(failure)));
  });
  const std::unique_ptr<net::Network> network =
      make_network_ ? make_network_(runtime)
                    : std::make_unique<net::TcpNetwork>(runtime, shared_addresses_);
  std::optional<admin::Admin> admin;
  if (index == 0) {
    admin.emplace(runtime, listen_admin(*network, config_), admin_options(config_), lifecycle_,
                  metrics_, log_);
    if (extend_) extend_(*admin);
  }
  Scope scope(runtime);
  scope.spawn("loop lag", watch_loop_lag(runtime, loop_lag_));
  if (admin) scope.spawn_essential("admin", admin->run());
  co_await scope.close_after(serve_(runtime, *network, index));
}

}  // namespace babilu::node
