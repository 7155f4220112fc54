#pragma once

#include "core/net/security.h"

namespace babilu {
class Runtime;
}

namespace babilu::peer {

/// TLS without certificates that count: the introductions that follow prove who is there
/// (introduction.h). A Node takes no stream that has no channel binding.
class PeerSecurity final : public net::Security {
 public:
  explicit PeerSecurity(Runtime& runtime) noexcept : runtime_(runtime) {}

  task<Result<net::StreamPtr>> dial(net::StreamPtr raw, const net::Address& to,
                                    Deadline deadline) override;
  task<Result<net::StreamPtr>> accept(net::StreamPtr raw, Deadline deadline) override;
  bool encrypted() const noexcept override { return true; }

 private:
  Runtime& runtime_;
};

}  // namespace babilu::peer
