#pragma once

#include "core/net/network.h"

namespace babilu::net {

/// What stands between a raw stream and the frames on it: TLS, or by explicit configuration
/// nothing. One side dials, the other accepts.
class Security {
 public:
  virtual ~Security() = default;
  /// Secures a stream that this side dialed; `to` is the name that the other side must prove.
  virtual task<Result<StreamPtr>> dial(StreamPtr raw, const Address& to, Deadline deadline) = 0;
  virtual task<Result<StreamPtr>> accept(StreamPtr raw, Deadline deadline) = 0;
  virtual bool encrypted() const noexcept = 0;
};

/// No security: loopback, benchmarks, or a TLS balancer in front.
class Plaintext final : public Security {
 public:
  task<Result<StreamPtr>> dial(StreamPtr raw, const Address&, Deadline) override {
    co_return std::move(raw);
  }
  task<Result<StreamPtr>> accept(StreamPtr raw, Deadline) override { co_return std::move(raw); }
  bool encrypted() const noexcept override { return false; }
};

/// Connects and secures, within one deadline.
task<Result<StreamPtr>> dial(Network& network, Security& security, const Address& to,
                             Deadline deadline);

}  // namespace babilu::net
