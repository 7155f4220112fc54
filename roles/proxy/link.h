#pragma once

#include <array>
#include <string>

#include "core/net/security.h"
#include "core/rpc/connection.h"
#include "roles/proxy/balancer.h"

namespace babilu::proxy {

class Relay;

/// The proxy's way to one backend: a connection with many sessions' requests on it, kept up by
/// reconnecting with jittered backoff.
///
/// Owner: the Proxy of one Runtime. The Relay reads and fills it.
class Link final : private rpc::Connection::Handler {
 public:
  struct Options {
    rpc::ConnectionOptions connection;
    Clock::duration connect_timeout = std::chrono::seconds(3);
    Clock::duration backoff_min = std::chrono::milliseconds(50);
    Clock::duration backoff_max = std::chrono::seconds(1);
  };

  Link(Runtime& runtime, net::Network& network, net::Security& security, net::Address backend,
       Options options, Relay& relay);

  /// Connects, and connects again, until cancelled.
  task<> run();

  const std::string& name() const noexcept { return name_; }
  /// Connected, greeted, and the backend takes requests.
  bool up() const noexcept {
    return connection_ && connection_->open() && connection_->multiplexer().may_request();
  }
  bool offers(std::uint8_t service) const noexcept { return up() && services_[service]; }
  Candidate candidate() const noexcept;
  rpc::Multiplexer& multiplexer() noexcept { return connection_->multiplexer(); }
  void flush() { connection_->flush(); }
  void record_latency(Clock::duration latency) noexcept;
  /// Why it is not up, in words.
  const std::string& last_failure() const noexcept { return last_failure_; }

 private:
  task<bool> serve_once();
  void on_hello(const wire::Hello& hello) override;
  void on_request(const wire::Frame& frame) override;
  void on_item(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool outgoing) override;
  void on_credit(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool outgoing) override;
  void on_reply(const wire::Frame& frame, rpc::Multiplexer::Tag tag) override;

  Runtime& runtime_;
  net::Network& network_;
  net::Security& security_;
  const net::Address backend_;
  const std::string name_;
  const std::uint64_t name_hash_;
  const Options options_;
  Relay& relay_;
  std::unique_ptr<rpc::Connection> connection_;
  std::array<bool, 256> services_{};
  double latency_seconds_ = 0;
  std::string last_failure_ = "not connected yet";
};

}  // namespace babilu::proxy
