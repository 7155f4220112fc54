#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/net/security.h"
#include "core/rpc/connection.h"
#include "roles/proxy/backend.h"
#include "roles/proxy/balancer.h"
#include "roles/proxy/health.h"
#include "roles/proxy/latency.h"
#include "roles/proxy/method_costs.h"

namespace babilu::proxy {

class Relay;

/// The proxy's way to one backend: a connection with many sessions' requests on it, kept up by
/// reconnecting with jittered backoff.
///
/// Owner: the Pool of one Runtime. The Relay reads and fills it.
class Link final : private rpc::Connection::Handler {
 public:
  struct Options {
    rpc::ConnectionOptions connection;
    HealthOptions health;
    Clock::duration connect_timeout = std::chrono::seconds(3);
    Clock::duration backoff_min = std::chrono::milliseconds(50);
    Clock::duration backoff_max = std::chrono::seconds(1);
    Clock::duration leave_timeout = std::chrono::seconds(20);
  };

  Link(Runtime& runtime, net::Network& network, net::Security& security, Backend backend,
       Figures& figures, const Options& options, Relay& relay);
  ~Link();

  /// Connects, and connects again, until told to leave; then ends once nothing is unanswered.
  task<> run();
  /// Takes no more requests and ends, in order: the backend was taken out of the configuration.
  void leave();
  bool leaving() const noexcept { return leaving_; }

  const std::string& name() const noexcept { return backend_.name; }
  void set_weight(double weight) noexcept { backend_.weight = weight; }
  /// Connected, greeted, and the backend takes requests.
  bool up() const noexcept {
    return connection_ && connection_->open() && connection_->multiplexer().greeted() &&
           !connection_->multiplexer().peer_going_away();
  }
  /// May be sent one more request of the service now.
  bool has_room(std::uint8_t service) const noexcept {
    return services_[service] && !leaving_ && connection_->open() &&
           connection_->multiplexer().may_request() && !connection_->outbox().over_hard();
  }
  bool over_hard() const noexcept { return connection_ && connection_->outbox().over_hard(); }
  /// More bytes after a header than the backend takes.
  bool too_large(std::size_t bytes) const noexcept {
    return connection_ && connection_->multiplexer().too_large(bytes);
  }
  /// Most bytes after a header that the backend takes.
  std::uint32_t frame_limit() const noexcept {
    return up() ? connection_->multiplexer().peer_frame_limit() : wire::default_frame_limit;
  }
  bool offers(std::uint8_t service) const noexcept { return up() && services_[service]; }
  /// Offers it, or did when it was last there.
  bool has_offered(std::uint8_t service) const noexcept { return last_services_[service]; }
  /// Has been up, so it is known what the backend offers.
  bool has_been_up() const noexcept { return has_been_up_; }
  const std::array<bool, 256>& services() const noexcept { return services_; }

  /// What the backend said of its methods when it was last there.
  const std::vector<MethodCost>& method_costs() const noexcept { return method_costs_; }

  Candidate candidate(std::uint16_t method, Clock::time_point now) const noexcept;
  Health& health() noexcept { return health_; }
  const Health& health() const noexcept { return health_; }
  Latencies& latencies() noexcept { return latencies_; }
  const Latencies& latencies() const noexcept { return latencies_; }
  BackendFigures& figures() const noexcept { return *figures_; }

  std::uint32_t request(const wire::Header& head, ByteView hop, ByteView payload,
                        rpc::Multiplexer::Tag tag) {
    tally_.sent(wire::header_bytes + hop.size() + payload.size());
    connection_->flush();
    return connection_->multiplexer().request(head, hop, payload, tag);
  }
  void forward(const wire::Header& head, ByteView payload);
  void cancel(std::uint32_t stream);
  /// A reply came. `excused`: its status tells nothing of the backend, or too late to count.
  void note_reply(rpc::Code code, bool excused, std::size_t bytes, Clock::duration latency);
  /// A request that had time enough was not answered.
  void note_silence() {
    health_.on_reply(true);
    tally_.silent();
  }
  /// Whether it has answered anything well since then: then it is not hung, and whoever had to wait
  /// may have been one of many with a long queue.
  bool answered_since(Clock::time_point then) const noexcept { return last_answer_ > then; }
  /// visit(tag) for each request without a reply; it must not send any.
  template <class Visit>
  void each_unanswered(Visit visit) const {
    if (connection_) connection_->multiplexer().each_outgoing(visit);
  }
  /// A request of a broken link.
  void note_lost() noexcept { tally_.lost(); }

  /// Why it is not up, in words.
  const std::string& last_failure() const noexcept { return last_failure_; }

 private:
  task<bool> serve_once();
  task<> close_when_answered();
  void take_down();
  void tell_failure();
  void forget_services();
  void expect_nothing();
  void note_services(const wire::Hello& hello);
  void on_hello(const wire::Hello& hello) override;
  void on_request(const wire::Frame& frame, rpc::Multiplexer::Tag& tag) override;
  void on_item(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool outgoing) override;
  void on_credit(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool outgoing) override;
  void on_reply(const wire::Frame& frame, rpc::Multiplexer::Tag tag) override;

  Runtime& runtime_;
  net::Network& network_;
  net::Security& security_;
  Backend backend_;
  const std::uint64_t name_hash_;
  const Options& options_;
  ServiceBoard& board_;
  const std::shared_ptr<BackendFigures> figures_;
  Tally tally_;
  Relay& relay_;
  Condition changed_;
  std::unique_ptr<rpc::Connection> connection_;
  std::array<bool, 256> services_{};
  std::array<bool, 256> last_services_{};  ///< of the newest hello
  std::vector<MethodCost> method_costs_;
  Latencies latencies_;
  Health health_;
  Clock::time_point last_answer_{};  ///< that was no failure of its own
  std::string last_failure_ = "not connected yet";
  bool leaving_ = false;
  bool has_been_up_ = false;
};

}  // namespace babilu::proxy
