#pragma once

#include <filesystem>

#include "core/node/node.h"
#include "roles/proxy/proxy.h"

namespace babilu::proxy {

/// What `babilu proxy` can be told.
struct ProxyConfig {
  node::NodeConfig node{.name = "proxy", .admin_listen = "127.0.0.1:7480"};
  std::string listen = "127.0.0.1:7400";
  std::vector<std::string> backends = {"127.0.0.1:7401", "127.0.0.1:7402"};
  /// Where ca.pem and proxy/ are; see core/tls/certificates.h.
  std::filesystem::path certificates = "certificates";
  bool plaintext_sessions = false;
  bool plaintext_links = false;
  std::chrono::milliseconds drain_timeout{20'000};
  std::chrono::milliseconds handshake_timeout{5'000};
  config::ByteSize frame_limit{wire::default_frame_limit};
};

void bind(config::Schema& schema, ProxyConfig& config);

/// Runs a proxy until it is told to drain; the exit code of the process.
int run_proxy(const ProxyConfig& config);

}  // namespace babilu::proxy
