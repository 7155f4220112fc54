#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/config/schema.h"
#include "core/net/tcp.h"
#include "core/runtime/lifecycle.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

namespace babilu::admin {
class Admin;
}

namespace babilu::node {

/// What every server process can be told.
struct NodeConfig {
  std::string name;  ///< in logs, /stats and the dashboard
  unsigned threads = 1;
  std::string admin_listen = "127.0.0.1:7480";
  config::SecretSource admin_token;
  telemetry::LogLevel log_level = telemetry::LogLevel::info;
  telemetry::LogFormat log_format = telemetry::LogFormat::text;
};

/// Options name, threads, [admin] and [log].
void bind(config::Schema& schema, NodeConfig& config);

/// What stops a process at its start, in words for whoever started it.
class StartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Says why a process did not come as far as its log, in that log's form.
void report_start_failure(const NodeConfig& config, const char* program, const std::string& why);

/// One server process: its Runtimes, signals, phases, log, metrics and admin endpoint. A role
/// brings the coroutine that serves. Every process has the metrics of itself, of its log, of its
/// phase and of how late its event loops are.
///
///     Node node(config);
///     return node.run([&](Runtime& runtime, net::Network& network, unsigned) -> task<> { … });
class Node {
 public:
  /// What each Runtime listens and connects on; TCP unless it is said.
  using MakeNetwork = std::function<std::unique_ptr<net::Network>(Runtime& runtime)>;

  explicit Node(NodeConfig config, MakeNetwork make_network = {});
  ~Node();

  const NodeConfig& config() const noexcept { return config_; }
  Lifecycle& lifecycle() noexcept { return lifecycle_; }
  telemetry::Metrics& metrics() noexcept { return metrics_; }
  telemetry::Log& log() noexcept { return log_; }

  /// Serves on one Runtime until the lifecycle is draining and its work is done. Calls started()
  /// when it takes work; throws StartError when it cannot.
  using Serve = std::function<task<>(Runtime& runtime, net::Network& network, unsigned index)>;
  /// Adds paths and statistics of the role's to the admin endpoint.
  using Extend = std::function<void(admin::Admin& admin)>;

  /// Runs to the end of the process; its exit code: 0, or 1 after an error that was logged. Such an
  /// error is also an exception that leaves an essential coroutine: the process drains first.
  int run(Serve serve, Extend extend = {});

  /// Told by each Runtime's serve; after the last of them the process is ready.
  void started();

  /// Binds an address for one of the Runtimes; port 0 is the same free port for all of them that
  /// give the same flag. Throws StartError that says what to do. Any Runtime's thread.
  net::ListenerPtr listen(net::Network& network, const std::string& address, const char* flag);

 private:
  task<> run_on(Runtime& runtime, unsigned index);

  const NodeConfig config_;
  Lifecycle lifecycle_;
  telemetry::Metrics metrics_;
  telemetry::Log log_;
  telemetry::AtomicHistogram& loop_lag_;
  std::vector<telemetry::CallbackRegistration> own_metrics_;
  std::atomic<unsigned> started_{0};
  std::mutex ports_mutex_;
  std::map<std::string, std::uint16_t> chosen_ports_;  ///< by flag, where port 0 was asked for
  net::SharedAddresses shared_addresses_;
  const MakeNetwork make_network_;
  Serve serve_;
  Extend extend_;
};

}  // namespace babilu::node
