#include "roles/proxy/process.h"

#include <mutex>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "core/crypto/random.h"
#include "core/runtime/runtime.h"
#include "core/tls/expiry.h"
#include "core/tls/security.h"
#include "roles/proxy/operations.h"

namespace babilu::proxy {

using node::StartError;
using telemetry::field;

namespace {

boost::system::result<tls::ContextPtr, std::string> load_context(
    const ProxyConfig& config, const tls::ContextPtr& previous = nullptr) {
  if (config.plaintext_sessions && config.plaintext_links) return tls::ContextPtr();
  const auto& directory = config.certificates;
  auto context = tls::Context::load({.certificate = directory / "proxy" / "certificate.pem",
                                     .key = directory / "proxy" / "key.pem",
                                     .authority = directory / "ca.pem"},
                                    std::chrono::system_clock::now(), previous);
  if (!context) return context.error().to_string();
  return *context;
}

tls::ContextPtr load_context_or_throw(const ProxyConfig& config) {
  auto context = load_context(config);
  if (!context) throw StartError(context.error());
  return *context;
}

/// TLS, or by configuration none.
class SwitchedSecurity {
 public:
  SwitchedSecurity(bool plaintext, Runtime& runtime, const tls::ContextPtr& context,
                   tls::Roles roles) {
    if (!plaintext) tls_ = tls::make_security(runtime, context, std::move(roles));
  }
  net::Security& get() {
    if (tls_) return *tls_;
    return plaintext_;
  }
  void use(const tls::ContextPtr& context) {
    if (tls_) tls_->use(context);
  }

 private:
  net::Plaintext plaintext_;
  std::unique_ptr<tls::CertificateSecurity> tls_;
};

/// Why none is there, in as many words as a line takes.
std::string no_backend(const Figures& figures) {
  constexpr std::size_t most = 3;
  std::vector<std::string> causes;
  std::size_t down = 0;
  figures.each([&](const std::string& name, const BackendFigures& backend) {
    const std::string why = backend.down_cause.get();
    if (why.empty() || ++down > most) return;
    causes.push_back(fmt::format("{}: {}", name, why));
  });
  if (down > most) causes.push_back(fmt::format("and {} more", down - most));
  if (causes.empty()) return "no backend is connected";
  return fmt::format("no backend is connected: {}", fmt::join(causes, "; "));
}

/// A proxy process: what its Runtimes share.
class Process {
 public:
  Process(const ProxyConfig& config, Rereader reread)
      : config_(config),
        reread_(std::move(reread)),
        node_(config.node),
        context_(load_context_or_throw(config)),
        expiry_(node_.lifecycle(), node_.metrics(), node_.log().component("tls"), context_),
        figures_(node_.metrics()),
        observer_(node_.metrics(), node_.log().component("proxy"), node_.log().component("access")),
        admission_(admission_of(config), crypto::system_random()),
        shared_{node_.lifecycle(), node_.log().component("proxy"), observer_, figures_, admission_},
        fleet_(figures_),
        addresses_(node_.metrics().gauge_callback(
            "babilu_proxy_addresses", "Addresses that have sessions, or had some a moment ago", {},
            [this] { return static_cast<double>(admission_.addresses()); })) {
    observer_.set_access_log(config.access_one_of);
    node_.lifecycle().add_check("backends", [this]() -> std::optional<std::string> {
      if (observer_.links_up() <= 0) return no_backend(figures_);
      const auto missing = figures_.services().missing();
      if (missing.empty()) return std::nullopt;
      return fmt::format("no backend offers {} now", fmt::join(missing, ", "));
    });
    node_.lifecycle().on_reload([this] { return reload(); });
  }

  int run() {
    return node_.run([this](Runtime& runtime, net::Network& network,
                            unsigned index) { return serve(runtime, network, index); },
                     [this](admin::Admin& admin) { extend(admin, fleet_, admission_, observer_); });
  }

 private:
  task<> serve(Runtime& runtime, net::Network& network, unsigned index) {
    std::optional<tls::ExpiryWatch::Reminder> reminder;
    if (index == 0) reminder.emplace(runtime, expiry_);
    SwitchedSecurity sessions(config_.plaintext_sessions, runtime, context_,
                              {.dialed = "", .accepted = ""});
    SwitchedSecurity links(config_.plaintext_links, runtime, context_,
                           {.dialed = "backend", .accepted = ""});
    Proxy proxy(runtime, network, sessions.get(), links.get(),
                node_.listen(network, config_.listen, "--listen"), shared_, options_of(config_));
    const auto member = fleet_.add(runtime, proxy, [&](const tls::ContextPtr& context) {
      sessions.use(context);
      links.use(context);
    });
    node_.log().info("proxy listens", field("address", proxy.local().to_string()),
                     field("tls", sessions.get().encrypted()),
                     field("backends", fmt::format("{}", fmt::join(config_.backends, ", "))));
    node_.started();
    co_await proxy.run();
  }

  /// All is read and checked before anything is changed.
  std::optional<std::string> reload() {
    const auto refuse = [this](std::string why) -> std::optional<std::string> {
      node_.log().warn("reload refused", field("why", why));
      return why;
    };
    Reread config = reread_();
    if (!config) return refuse(config.error());
    if (needs_restart(config_, *config)) {
      return refuse("listen, admin.listen, threads and plaintext need a restart");
    }
    const std::lock_guard lock(reload_mutex_);
    auto context = load_context(*config, newest_context_);
    if (!context) return refuse(context.error());
    newest_context_ = *context;
    expiry_.use(*context);
    observer_.set_access_log(config->access_one_of);
    admission_.set_options(admission_of(*config));
    fleet_.apply(options_of(*config), *context);
    node_.log().info("reloaded",
                     field("backends", fmt::format("{}", fmt::join(config->backends, ", "))));
    return std::nullopt;
  }

  const ProxyConfig& config_;
  const Rereader reread_;
  node::Node node_;
  const tls::ContextPtr context_;
  tls::ExpiryWatch expiry_;
  std::mutex reload_mutex_;
  tls::ContextPtr newest_context_ = context_;
  Figures figures_;
  Observer observer_;
  Admission admission_;
  ProxyShared shared_;
  Fleet fleet_;
  const telemetry::CallbackRegistration addresses_;
};

}  // namespace

int run_proxy(const ProxyConfig& config, Rereader reread) {
  try {
    return Process(config, std::move(reread)).run();
  } catch (const std::exception& error) {
    node::report_start_failure(config.node, "babilu proxy", error.what());
    return 1;
  }
}

}  // namespace babilu::proxy
