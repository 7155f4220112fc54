#include "roles/backend/process.h"

#include <sys/resource.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/base/private_file.h"
#include "core/crypto/encoding.h"
#include "core/runtime/runtime.h"
#include "core/server/server.h"
#include "core/store/idempotency.h"
#include "core/store/store.h"
#include "core/tls/expiry.h"
#include "core/tls/security.h"
#include "roles/backend/accounts/schema.h"
#include "roles/backend/services.h"

namespace babilu::backend {

using node::StartError;
using telemetry::field;

namespace {

using namespace std::chrono_literals;

/// A proxy puts the requests of all its sessions on one link.
constexpr std::uint32_t streams_of_a_link = 65'536;

Secret load_master_key(const BackendConfig& config) {
  const Secret& text = config.master_key.value;
  auto key = crypto::from_base64url(text_of(text));
  if (key && key->size() == Deployment::master_key_bytes) return std::move(*key);
  throw StartError(text.empty()
                       ? "a master key is needed: --master-key-file CERTIFICATES/vault/master.key"
                       : "the master key is not 32 bytes in base64url; `babilu certificates init` "
                         "makes one");
}

std::unique_ptr<store::Store> open_store(const BackendConfig& config, node::Node& node) {
  store::StoreOptions options;
  options.path = config.database;
  options.kind = "backend";
  options.schemas = {account_schema, store::idempotency_schema};
  options.metrics = &node.metrics();
  options.log = node.log().component("store");
  auto opened = store::Store::open(std::move(options));
  if (!opened) throw StartError(opened.error().to_string());
  return std::move(*opened);
}

tls::ContextPtr load_context(const BackendConfig& config) {
  if (config.plaintext_links) return nullptr;
  const auto& directory = config.certificates;
  auto context = tls::Context::load({.certificate = directory / "backend" / "certificate.pem",
                                     .key = directory / "backend" / "key.pem",
                                     .authority = directory / "ca.pem"},
                                    std::chrono::system_clock::now());
  if (!context) throw StartError(context.error().to_string());
  return *context;
}

/// The files that a process may open are for links, the database and the admin endpoint first.
std::size_t strangers_that_fit(unsigned threads) {
  constexpr rlim_t share = 8, least = 4, most = 256;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return most;
  return std::clamp(files.rlim_cur / share / threads, least, most);
}

server::ServerOptions server_options(const BackendConfig& config) {
  server::ServerOptions options;
  options.drain_timeout = config.drain_timeout;
  options.strangers = strangers_that_fit(config.node.threads);
  options.session.connection.limits.streams = streams_of_a_link;
  options.session.trust_hop_without_certificate = config.plaintext_links;
  return options;
}

/// A backend process: what its Runtimes share.
class Process {
 public:
  explicit Process(const BackendConfig& config)
      : config_(config),
        node_(config.node),
        context_(load_context(config)),
        expiry_(node_.lifecycle(), node_.metrics(), node_.log().component("tls"), context_),
        deployment_(load_master_key(config)),
        store_(open_store(config, node_)),
        passwords_pool_({.name = "passwords",
                         .threads = config.password_threads,
                         .queue = config.password_queue},
                        node_.metrics()),
        server_metrics_(node_.metrics()),
        shared_{server_options(config), node_.lifecycle(), node_.log().component("backend"),
                server_metrics_},
        services_{
            *store_,
            Passwords(passwords_pool_,
                      {.memory_kib = config.password_memory_kib, .passes = config.password_passes},
                      config.password_address_rate),
            deployment_,
            {.token_lifetime = config.token_lifetime},
            {}},
        over_rate_(node_.metrics().counter_callback(
            "babilu_backend_passwords_refused_total",
            "Logins and sign-ups refused for the rate of their client's address", {},
            [this] { return static_cast<double>(services_.passwords.over_rate()); })) {
    node_.lifecycle().add_check("database", [this] { return store_->problem(); });
  }

  int run() {
    return node_.run([this](Runtime& runtime, net::Network& network, unsigned index) {
      return serve(runtime, network, index);
    });
  }

 private:
  task<> serve(Runtime& runtime, net::Network& network, unsigned index) {
    std::optional<tls::ExpiryWatch::Reminder> reminder;
    if (index == 0) reminder.emplace(runtime, expiry_);
    std::unique_ptr<net::Security> security = std::make_unique<net::Plaintext>();
    if (context_) {
      security = tls::make_security(runtime, context_, {.dialed = "", .accepted = "proxy"});
    }
    const Services services(services_, config_.services);
    server::Server server(runtime, *security, node_.listen(network, config_.listen, "--listen"),
                          services.table(), shared_);
    node_.log().info("backend listens", field("address", server.local().to_string()),
                     field("tls", security->encrypted()),
                     field("services", fmt::format("{}", fmt::join(config_.services, ", "))),
                     field("database", config_.database.string()));
    node_.started();
    co_await server.run();
  }

  const BackendConfig& config_;
  node::Node node_;
  const tls::ContextPtr context_;
  tls::ExpiryWatch expiry_;
  const Deployment deployment_;
  // The store ends before the Runtimes that used it would be wrong: it is asked by their
  // coroutines, all of which have ended when run() returns.
  std::unique_ptr<store::Store> store_;
  OffloadPool passwords_pool_;
  server::ServerMetrics server_metrics_;
  server::ServerShared shared_;
  ServicesShared services_;
  const telemetry::CallbackRegistration over_rate_;
};

std::optional<std::string> check_plaintext(const BackendConfig& config) {
  if (!config.plaintext_links || net::Address::parse(config.listen)->is_loopback()) {
    return std::nullopt;
  }
  return "plaintext.links is allowed on a loopback address only; listen on 127.0.0.1";
}

std::optional<std::string> check_master_key(const BackendConfig& config) {
  const auto open = open_to_everybody(config.master_key.file);
  if (!open) return std::nullopt;
  return fmt::format("the master key is in {}: {}", config.master_key.file.string(), *open);
}

}  // namespace

void bind(config::Schema& schema, BackendConfig& config) {
  node::bind(schema, config.node);
  schema.option("listen", config.listen, "where proxies connect", config::listen_address());
  schema.option("services", config.services, "what to offer",
                config::one_of({"echo", "registry", "identity", "vault"}));
  schema.option("database", config.database, "the SQLite file, shared by backends of one machine");
  schema.option("certificates", config.certificates,
                "the directory with ca.pem and backend/, as `babilu certificates init` makes it");
  schema.secret("master_key", config.master_key,
                "32 bytes in base64url that all keys of this deployment are sealed with");
  schema.option("drain_timeout", config.drain_timeout,
                "how long requests may take to end when the process is told to stop",
                config::range(0ms, 24h));
  schema.option("token_lifetime", config.token_lifetime, "for how long a login lasts",
                config::range(1s, 24h * 3650));
  auto passwords = schema.section("passwords", "Argon2id; see RFC 9106 for its costs");
  passwords.option("threads", config.password_threads, "hashes at a time", config::range(1u, 64u));
  passwords.option("queue", config.password_queue, "requests that may wait for a hash",
                   config::range(std::size_t{1}, std::size_t{100'000}));
  passwords.option("address_rate", config.password_address_rate,
                   "logins and sign-ups a second from one address that is not loopback, twice as "
                   "many at once; 0 for no limit",
                   config::range_or_zero(1u, 1'000'000u));
  passwords.option("memory_kib", config.password_memory_kib, "memory of a hash in KiB",
                   config::range(8u, crypto::max_password_cost.memory_kib));
  passwords.option("passes", config.password_passes, "passes over that memory",
                   config::range(1u, crypto::max_password_cost.passes));
  auto plaintext = schema.section("plaintext", "no TLS: for benchmarks, on loopback only");
  plaintext.option("links", config.plaintext_links, "proxies connect without TLS");
  schema.check([&config] { return check_plaintext(config); });
  schema.check([&config] { return check_master_key(config); });
}

int run_backend(const BackendConfig& config) {
  try {
    return Process(config).run();
  } catch (const std::exception& error) {
    node::report_start_failure(config.node, "babilu backend", error.what());
    return 1;
  }
}

}  // namespace babilu::backend
