#pragma once

#include "core/config/schema.h"
#include "roles/peer/terminal/talk.h"

namespace babilu::cli {

/// What `peer listen`, `chat` and `peer forget` have in common.
struct PeerConfig {
  std::string name;
  std::filesystem::path profile;

  /// Binds the options, of which one must be given.
  void bind(config::Schema& schema);
};

}  // namespace babilu::cli
