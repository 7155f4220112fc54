#pragma once

#include <filesystem>

#include "core/node/node.h"

namespace babilu::backend {

/// What `babilu backend` can be told.
struct BackendConfig {
  node::NodeConfig node{.name = "backend", .admin_listen = "127.0.0.1:7481"};
  std::string listen = "127.0.0.1:7401";
  std::vector<std::string> services = {"echo", "registry", "identity", "vault"};
  /// The SQLite file that all backends of a deployment on this machine share.
  std::filesystem::path database = "babilu.db";
  /// Where ca.pem, backend/ and vault/master.key are; see core/tls/certificates.h.
  std::filesystem::path certificates = "certificates";
  config::SecretSource master_key;
  bool plaintext_links = false;
  std::chrono::milliseconds drain_timeout{15'000};
  std::chrono::seconds token_lifetime{12 * 3600};
  unsigned password_threads = 2;
  std::size_t password_queue = 64;
  unsigned password_address_rate = 20;  ///< hashes a second; 0: no limit
  std::uint32_t password_memory_kib = 19 * 1024;
  std::uint32_t password_passes = 2;
};

void bind(config::Schema& schema, BackendConfig& config);

/// Runs a backend until it is told to drain; the exit code of the process.
int run_backend(const BackendConfig& config);

}  // namespace babilu::backend
