#pragma once

#include <string>

#include "core/rpc/connection.h"
#include "core/rpc/service.h"

namespace babilu::wire {
class Hello;
}  // namespace babilu::wire

namespace babilu::rpc {

/// What goes with a request besides its message.
struct CallOptions {
  Deadline deadline = no_deadline;
  std::string_view token;
  std::string_view idempotency_key;  ///< 32 bytes; makes the request retryable
  bool retryable = false;            ///< a method without effects may be sent again, too
  std::uint32_t route = 0;
};

struct SessionOptions {
  ConnectionOptions connection;
  /// For requests that carry no deadline.
  Clock::duration default_deadline = std::chrono::seconds(30);
  /// Hop data is believed from a stream whose verified role is "proxy"; with this also from one
  /// without certificates: a plaintext link on loopback.
  bool trust_hop_without_certificate = false;
};

/// Counts of one process's sessions; whoever owns the metrics connects them.
struct SessionObserver {
  virtual ~SessionObserver() = default;
  virtual void on_reply(const MethodTraits& method, Code code, Clock::duration latency) = 0;
};

/// A connection that serves a ServiceTable and can itself call the other side's services.
/// A Link is a Session that was dialed; a backend's sessions were accepted; peers do both.
///
/// Owner: whoever awaits run(). It must outlive run(), and what it lets others wait for: call(),
/// greeted() and left(), which return soon after run() has; the destructor asserts that they have.
class Session final : private Connection::Handler {
 public:
  Session(Runtime& runtime, net::StreamPtr stream, Side side, const ServiceTable& services,
          SessionOptions options, SessionObserver* observer = nullptr);
  ~Session();

  /// Serves until the connection ends; every call still waiting then ends `unavailable`.
  task<Status> run();

  struct CallResult {
    Reply reply;
    /// The connection ended first, so nobody knows whether the request had its effect.
    bool connection_lost = false;
  };
  /// Sends a request and waits for its reply, until the deadline at the latest.
  task<CallResult> call(std::uint16_t method, ByteView message, CallOptions options);

  /// Waits for the other side's hello. False when the connection ended or the deadline passed.
  task<bool> greeted(Deadline deadline);
  /// Waits until the other side takes no new requests: it said so, or the connection ended.
  task<> left();
  /// What the other side said of itself; none before that.
  const wire::Hello* other_hello() const noexcept { return other_hello_.get(); }

  /// Takes no more requests from now on; those in flight end, at the deadline at the latest, then
  /// the connection does, and run() returns. It may have ended already.
  void drain(Deadline deadline);
  void close(Status why) { connection_.close(std::move(why)); }

  bool open() const noexcept { return connection_.open(); }
  /// True once the other side has said that it takes no new requests.
  bool other_side_leaving() const noexcept { return leaving_; }
  net::Stream& stream() noexcept { return connection_.stream(); }
  Scope& scope() noexcept { return connection_.scope(); }

 private:
  struct PendingCall;
  struct Request;
  struct Waiting;

  void on_hello(const wire::Hello& hello) override;
  void on_request(const wire::Frame& frame, Multiplexer::Tag& tag) override;
  void on_refused(const wire::Frame& frame, Status& why) override;
  void on_reply(const wire::Frame& frame, Multiplexer::Tag tag) override;
  void on_cancel(std::uint32_t stream, Multiplexer::Tag tag) override;
  void on_goaway(std::uint32_t last, const Status& why) override;

  /// What stands in the way of serving a request, or nothing. Reads its metadata and hop data.
  std::optional<Status> admit(Request& request, const wire::Frame& frame) const;
  task<> serve(std::unique_ptr<Request> request);
  task<> close_when_answered(Deadline deadline);
  void end_calls(const Status& outcome);
  void refuse(std::uint32_t stream, Status why);
  bool trusts_hop() const;

  Runtime& runtime_;
  const ServiceTable& services_;
  const SessionOptions options_;
  SessionObserver* observer_;
  Connection connection_;
  net::PeerIdentity peer_;
  Condition changed_;
  std::unique_ptr<const wire::Hello> other_hello_;
  bool leaving_ = false;
  int waiting_ = 0;  ///< coroutines of others inside this object
};

}  // namespace babilu::rpc
