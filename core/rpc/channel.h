#pragma once

#include <memory>
#include <vector>

#include "core/net/security.h"
#include "core/rpc/session.h"

namespace babilu::rpc {

struct ChannelOptions {
  std::vector<net::Address> targets;  ///< tried in turn
  SessionOptions session;
  Clock::duration connect_timeout = std::chrono::seconds(5);
  Clock::duration backoff_min = std::chrono::milliseconds(50);
  Clock::duration backoff_max = std::chrono::seconds(2);
  /// How often one request may be sent whose connection was lost before the reply.
  int sends = 2;
};

/// A way to a service that mends itself: connects to one of several targets, reconnects with
/// jittered backoff, and sends again what was unanswered and may be sent again, with its
/// idempotency key, so that the effect happens once.
///
/// start() first, close() before destruction. Thread: the Runtime's. Any number of calls at once,
/// up to what the other side's hello allows.
class Channel {
 public:
  Channel(Runtime& runtime, net::Network& network, net::Security& security, ChannelOptions options);
  ~Channel();

  void start();
  task<> close();

  /// Waits until connected. The status says what stood in the way at the deadline.
  task<Status> ready(Deadline deadline);
  /// What the other side said of itself, its limits above all; none while there is no connection.
  const wire::Hello* other_hello() const noexcept {
    return session_ ? session_->other_hello() : nullptr;
  }

  /// The reply, or why none could be had by the deadline, which must be set. A mutating call
  /// without an idempotency key gets one; others count as retryable.
  task<Reply> call(const MethodTraits& method, ByteView message, CallOptions options);

  /// How often a connection was lost after it had been up.
  std::uint64_t reconnects() const noexcept { return reconnects_; }
  /// Requests that were sent a second time.
  std::uint64_t resends() const noexcept { return resends_; }

 private:
  task<> maintain();
  task<> run_session(std::shared_ptr<Session> session);
  task<std::shared_ptr<Session>> connect(const net::Address& target);
  bool usable() const;

  Runtime& runtime_;
  net::Network& network_;
  net::Security& security_;
  const ChannelOptions options_;
  const ServiceTable no_services_;
  Scope scope_;
  Condition changed_;
  std::shared_ptr<Session> session_;
  Status last_failure_;
  std::uint64_t reconnects_ = 0;
  std::uint64_t resends_ = 0;
};

}  // namespace babilu::rpc
