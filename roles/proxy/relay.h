#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/rpc/multiplexer.h"
#include "core/runtime/clock.h"
#include "roles/proxy/method_costs.h"

namespace babilu {
class Runtime;
}

namespace babilu::proxy {

class ClientSession;
class Link;
class Pool;

/// Most bytes of hop data, whatever the client's address: what docs/protocol.md tells clients to
/// leave.
inline constexpr std::size_t most_hop_bytes = 128;

/// Hop data: who the client is, and which attempt this is.
Bytes encode_hop(std::string_view client_address, std::uint32_t attempt);

/// One request from its arrival to its end, for whoever keeps a log.
struct Access {
  const ClientSession* session;  ///< none when the client has gone
  const Link* link;              ///< where it went last; none when it went nowhere
  std::uint16_t method;
  rpc::Code code;
  Clock::duration latency;
  int sends;
  std::size_t reply_bytes;
};

/// Counts of the relay, for metrics and logs. Shared by the Runtimes of a process.
struct RelayObserver {
  virtual ~RelayObserver() = default;
  /// The reply is a backend's, valid during the call.
  virtual void on_relayed(const Access& access, const wire::Frame& reply) = 0;
  virtual void on_refused(const Access& access, const rpc::Status& why) = 0;
  virtual void on_resent(const Link& link) = 0;
  virtual void on_link_up(const Link& link) = 0;
  virtual void on_link_lost(const Link& link, bool was_up) = 0;
  /// It cannot be brought up, for a cause that was not told before.
  virtual void on_link_failed(const Link& link) = 0;
  virtual void on_ejected(const Link& link, double times_as_slow) = 0;
  virtual void on_slow_reader() = 0;
  /// A session is not read from for a time, for what it sent besides requests.
  virtual void on_slowed() = 0;
};

struct RelayOptions {
  /// How long a request waits for a backend while there is none; its own deadline may be sooner.
  Clock::duration wait_for_backend = std::chrono::seconds(1);
  /// The same for one whose backend was lost and which may be sent again.
  Clock::duration wait_for_another = std::chrono::seconds(10);
  /// Of one Runtime; more are refused at once. A session may have as many as are left for others:
  /// alone half of all, and less the more there are that want all.
  std::size_t most_waiting = 4096;
  /// Bytes of a session's unanswered requests that are kept for a second send: above, it is not
  /// read from until some are answered.
  std::size_t session_bytes = 4 * 1024 * 1024;
};

/// Where a request is relayed: from a session to a link, and its reply back, by header alone.
///
/// A request that may be sent again is kept until its reply. When its link breaks it goes to
/// another backend, at most once more, within its deadline; others end `unavailable`. While there
/// is no backend, requests wait a little: most outages are shorter than an error is useful.
///
/// A backend that does not answer in a request's time does not keep its client waiting: the answer
/// is `deadline_exceeded`, some 20 ms after that at most.
/// Owner: the Proxy of one Runtime. Thread: that one.
class Relay {
 public:
  Relay(Runtime& runtime, RelayObserver& observer, const RelayOptions& options);
  ~Relay();

  /// Must be called before anything else; the two need each other.
  void use(Pool& pool) { pool_ = &pool; }

  // From sessions.
  void on_request(ClientSession& session, const wire::Frame& frame, rpc::Multiplexer::Tag& tag);
  /// A request that its session answers itself; it gets an id.
  void on_refused(ClientSession& session, const wire::Frame& frame, rpc::Status& why);
  void to_link(const wire::Frame& frame, rpc::Multiplexer::Tag tag);
  void on_cancel(rpc::Multiplexer::Tag tag);
  void on_session_gone(rpc::Multiplexer& streams);
  void on_slowed() { observer_.on_slowed(); }
  /// Bytes of unanswered requests over which a session is not read from.
  std::size_t session_bytes() const noexcept { return options_.session_bytes; }

  // From links and their pool.
  void on_link_up(Link& link);
  void on_link_lost(Link& link, rpc::Multiplexer& streams);
  void on_link_failed(const Link& link);
  void on_ejected(const Link& link, double times_as_slow);
  void to_session(const wire::Frame& frame, rpc::Multiplexer::Tag tag);
  void on_reply(Link& link, const wire::Frame& frame, rpc::Multiplexer::Tag tag);

  /// Requests that wait for a backend now.
  std::size_t waiting() const noexcept { return waiting_; }

 private:
  /// What an item or credit breaks: its sender's credit, or its sender's end of the stream.
  enum class Breach : std::uint8_t { none, credit, end };
  struct Passed {
    wire::Header head;
    ByteView payload;
  };
  struct Relayed;
  class WaitingLists;
  /// Keeps it for another request.
  struct Recycle {
    Relay* relay = nullptr;
    void operator()(Relayed* relayed) const noexcept;
  };
  using RelayedPtr = std::unique_ptr<Relayed, Recycle>;

  RelayedPtr make();
  RelayedPtr take(rpc::Multiplexer::Tag tag);
  static rpc::Status session_broke(Breach breach);
  static rpc::Status backend_broke(Breach breach);
  static Passed passed_on(const wire::Frame& frame, std::uint32_t stream);
  static rpc::Status lost();
  static rpc::Reply refusal(const Relayed& relayed, rpc::Status why);
  bool passes(ClientSession& session, const wire::Frame& frame) const;
  rpc::Status too_large(const ClientSession& session) const;
  bool still_fits(const Relayed& relayed) const;
  rpc::Status why_not(const ClientSession& session, const wire::Frame& frame) const;
  /// Gives it to a link. False when none takes it now.
  bool send(Relayed& relayed, ByteView payload, const Link* except);
  void send_or_wait(RelayedPtr relayed, const Link& failed);
  void wait(RelayedPtr relayed, Clock::duration most);
  bool may_wait(const ClientSession& session) const noexcept;
  void serve_waiting(const Link& link);
  void give_up(Relayed& relayed);
  RelayedPtr take_waiting(Relayed& relayed);
  void break_off(Relayed& relayed, rpc::Status why);
  void end_waiting(Relayed& relayed);
  void look_at_deadlines(Deadline due);
  void expire();
  void time_out(Relayed& relayed);
  void answer(Relayed& relayed, rpc::Reply reply);
  void settle(Relayed& relayed);
  void drop_if_stalled(ClientSession& session);
  rpc::Status why_no_link(const Relayed& relayed) const;
  rpc::Status why_too_late(const Relayed& relayed) const;

  Runtime& runtime_;
  RelayObserver& observer_;
  const RelayOptions& options_;
  Pool* pool_ = nullptr;
  std::uint32_t frame_limit_ = wire::default_frame_limit;  ///< of the backend that takes least
  MethodCosts costs_;
  Relayed* spare_ = nullptr;  ///< a list; outlives those that go back to it
  std::size_t spares_ = 0;
  std::unique_ptr<WaitingLists> waiting_lists_;
  std::size_t waiting_ = 0;
  Deadline next_expiry_ = no_deadline;  ///< no request on a link has to be answered before
  Clock::time_point earliest_look_{};   ///< when they may be looked through again
  Alarm expiry_;
};

}  // namespace babilu::proxy
