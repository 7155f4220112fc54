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
  std::chrono::milliseconds frame_timeout{15'000};
  std::chrono::milliseconds idle_timeout{600'000};
  std::chrono::milliseconds wait_for_backend{1'000};
  config::ByteSize frame_limit{wire::default_frame_limit};
  unsigned streams = 1024;
  unsigned access_one_of = 0;
  unsigned sessions = 15'000;
  unsigned total_handshakes = 0;
  AddressLimits each_address;
  std::vector<std::string> overrides;
  std::vector<std::string> exempt = {"127.0.0.0/8", "::1/128"};
  std::vector<std::string> balancers;
};

void bind(config::Schema& schema, ProxyConfig& config);

/// What a checked configuration means for each event loop, and at the door.
ProxyOptions options_of(const ProxyConfig& config);
AdmissionOptions admission_of(const ProxyConfig& config);

/// True when it differs from `running` in what only a restart can change.
bool needs_restart(const ProxyConfig& running, const ProxyConfig& config);

}  // namespace babilu::proxy
