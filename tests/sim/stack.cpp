#include "tests/sim/stack.h"

#include <cstdlib>

#include "core/store/idempotency.h"
#include "core/telemetry/log_sink.h"
#include "roles/backend/accounts/schema.h"

namespace babilu::test {

namespace {

server::ServerOptions server_options() {
  server::ServerOptions options;
  options.session.trust_hop_without_certificate = true;
  return options;
}

}  // namespace

std::unique_ptr<store::Store> open_store(const std::filesystem::path& file) {
  store::StoreOptions options;
  options.path = file;
  options.kind = "backend";
  options.schemas = {backend::account_schema, store::idempotency_schema};
  return store::Store::open(std::move(options)).value();
}

TemporaryDirectory::TemporaryDirectory()
    : path_(std::filesystem::temp_directory_path() / "babilu-test-XXXXXX") {
  std::string name = path_.string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::filesystem::remove_all(path_);
}

telemetry::Log log_into(sim::World& world, const std::string& node) {
  telemetry::LogOptions options;
  options.level = telemetry::LogLevel::debug;
  options.sinks = {
      telemetry::callback_sink([&world, node](telemetry::LogLevel, std::string_view line) {
        world.note(node + ": " + std::string(line));
      })};
  options.now = [&world] { return world.runtime().clock().wall(); };
  return telemetry::Log(std::move(options));
}

BackendNode::BackendNode(sim::World& world, const net::Address& at,
                         const std::filesystem::path& database, Options options)
    : log_(log_into(world, at.host)),
      observer_(metrics_),
      deployment_(options.master_key),
      store_(open_store(database)),
      pool_({.name = "passwords", .threads = 1}, metrics_),
      services_shared_{*store_, backend::Passwords(pool_, options.password_cost), deployment_,
                       options.identity, options.keyring},
      services_(services_shared_, options.services),
      shared_{server_options(), lifecycle_, log_, observer_},
      server_(std::make_unique<server::Server>(world.runtime(), security_,
                                               world.host(at.host).listen(at).value(),
                                               services_.table(), shared_)) {}

namespace {

proxy::ProxyOptions with_backends(proxy::ProxyOptions options,
                                  const std::vector<std::string>& backends) {
  for (const auto& backend : backends) {
    options.backends.push_back(proxy::Backend::parse(backend).value());
  }
  return options;
}

}  // namespace

ProxyNode::ProxyNode(sim::World& world, const std::vector<std::string>& backends,
                     proxy::ProxyOptions options, net::Security* sessions)
    : log_(log_into(world, "proxy")),
      figures_(metrics_),
      observer_(metrics_, log_, log_),
      admission_({}, world.runtime().random()),
      shared_{lifecycle_, log_, observer_, figures_, admission_},
      proxy_(std::make_unique<proxy::Proxy>(
          world.runtime(), world.host("proxy"), sessions == nullptr ? security_ : *sessions,
          security_, world.host("proxy").listen(SimulatedStack::address()).value(), shared_,
          with_backends(std::move(options), backends))) {}

const net::Address& SimulatedStack::address() {
  static const net::Address proxy{"proxy", 7400};
  return proxy;
}

SimulatedStack::SimulatedStack(sim::World& world, BackendNode::Options options)
    : runtime_(world.runtime()),
      a_(world, {"backend-a", 7401}, database(), options),
      b_(world, {"backend-b", 7402}, database(), options),
      proxy_(world, {"backend-a:7401", "backend-b:7402"}),
      scope_(runtime_) {
  scope_.spawn("backend-a", a_.server().run());
  scope_.spawn("backend-b", b_.server().run());
  scope_.spawn("proxy", proxy_.proxy().run());
}

task<> SimulatedStack::ready() {
  while (proxy_.proxy().links_up() < 2) co_await runtime_.sleep_for(std::chrono::milliseconds(1));
}

task<> SimulatedStack::stop() {
  proxy_.lifecycle().advance(Phase::draining);
  a_.lifecycle().advance(Phase::draining);
  b_.lifecycle().advance(Phase::draining);
  co_await scope_.join();
}

Client::Client(sim::World& world, const std::string& host)
    : runtime_(world.runtime()),
      channel_(runtime_, world.host(host), security_, {.targets = {SimulatedStack::address()}}) {
  channel_.start();
}

}  // namespace babilu::test
