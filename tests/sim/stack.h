#pragma once

#include <filesystem>
#include <string>

#include "core/server/server.h"
#include "core/sim/world.h"
#include "core/store/store.h"
#include "roles/backend/services.h"
#include "roles/proxy/proxy.h"

namespace babilu::test {

/// A directory of a test's own, gone afterwards.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// The database of backends, opened once more.
std::unique_ptr<store::Store> open_store(const std::filesystem::path& file);

/// The log of a simulated node, in the event log of its world.
telemetry::Log log_into(sim::World& world, const std::string& node);

/// A backend of a simulated world, on a database that others may share.
class BackendNode {
 public:
  struct Options {
    std::vector<std::string> services = backend::Services::names();
    Secret master_key = Secret(32, 1);
    backend::IdentityOptions identity = {};
    backend::KeyringOptions keyring = {};
    crypto::PasswordCost password_cost = crypto::insecure_test_cost;
  };
  BackendNode(sim::World& world, const net::Address& at, const std::filesystem::path& database,
              Options options);

  server::Server& server() noexcept { return *server_; }
  Lifecycle& lifecycle() noexcept { return lifecycle_; }

 private:
  telemetry::Metrics metrics_;
  telemetry::Log log_;
  Lifecycle lifecycle_;
  net::Plaintext security_;
  server::ServerMetrics observer_;
  backend::Deployment deployment_;
  std::unique_ptr<store::Store> store_;
  OffloadPool pool_;
  backend::ServicesShared services_shared_;
  backend::Services services_;
  server::ServerShared shared_;
  std::unique_ptr<server::Server> server_;
};

/// The proxy of a simulated world.
class ProxyNode {
 public:
  /// `sessions` secures what clients dial; plaintext without it.
  ProxyNode(sim::World& world, const std::vector<std::string>& backends,
            proxy::ProxyOptions options = {}, net::Security* sessions = nullptr);

  proxy::Proxy& proxy() noexcept { return *proxy_; }
  Lifecycle& lifecycle() noexcept { return lifecycle_; }
  telemetry::Metrics& metrics() noexcept { return metrics_; }
  proxy::Figures& figures() noexcept { return figures_; }
  proxy::Admission& admission() noexcept { return admission_; }
  proxy::Observer& observer() noexcept { return observer_; }

 private:
  telemetry::Metrics metrics_;
  telemetry::Log log_;
  Lifecycle lifecycle_;
  net::Plaintext security_;
  proxy::Figures figures_;
  proxy::Observer observer_;
  proxy::Admission admission_;
  proxy::ProxyShared shared_;
  std::unique_ptr<proxy::Proxy> proxy_;
};

/// A proxy and two backends on one database: proxy:7400, backend-a:7401, backend-b:7402.
class SimulatedStack {
 public:
  explicit SimulatedStack(sim::World& world, BackendNode::Options options = {});

  static const net::Address& address();
  /// Waits until both links are up.
  task<> ready();
  /// Drains the proxy, then the backends; returns when all have ended.
  task<> stop();

  /// The file of both backends.
  std::filesystem::path database() const { return directory_.path() / "babilu.db"; }
  ProxyNode& proxy() noexcept { return proxy_; }
  BackendNode& a() noexcept { return a_; }
  BackendNode& b() noexcept { return b_; }

 private:
  Runtime& runtime_;
  TemporaryDirectory directory_;
  BackendNode a_;
  BackendNode b_;
  ProxyNode proxy_;
  Scope scope_;
};

/// What a test's client needs: a channel to the stack from its own host.
class Client {
 public:
  Client(sim::World& world, const std::string& host = "client");
  rpc::Channel& channel() noexcept { return channel_; }
  template <class Service, class Request, class Answer>
  task<rpc::Outcome<Answer>> call(const rpc::Method<Service, Request, Answer>& method,
                                  const Request& request, rpc::CallOptions options = {}) {
    if (options.deadline == no_deadline)
      options.deadline = runtime_.now() + std::chrono::seconds(10);
    rpc::Client<Service> client(channel_);
    co_return co_await client.call(method, request, options);
  }

 private:
  Runtime& runtime_;
  net::Plaintext security_;
  rpc::Channel channel_;
};

}  // namespace babilu::test
