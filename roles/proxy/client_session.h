#pragma once

#include "core/rpc/connection.h"

namespace babilu::proxy {

class Relay;

/// One client's connection. Knows nothing but how to hand its frames to the Relay.
class ClientSession final : private rpc::Connection::Handler {
 public:
  ClientSession(Runtime& runtime, net::StreamPtr stream, const rpc::ConnectionOptions& options,
                Relay& relay);

  /// Serves until the client leaves or is sent away.
  task<rpc::Status> run();
  /// Takes no more requests; ends when those in flight are answered, or at the deadline.
  task<> drain(Deadline deadline);
  /// After a reply was given: lets drain() look again.
  void answered() {
    if (draining_) answered_.notify_all();
  }

  rpc::Multiplexer& multiplexer() noexcept { return connection_.multiplexer(); }
  void flush() { connection_.flush(); }
  /// Hop data of a first attempt, encoded once.
  const Bytes& hop() const noexcept { return hop_; }
  std::string remote() { return connection_.stream().remote().to_string(); }

 private:
  void on_request(const wire::Frame& frame) override;
  void on_item(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool outgoing) override;
  void on_credit(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool outgoing) override;
  void on_reply(const wire::Frame& frame, rpc::Multiplexer::Tag tag) override;
  void on_cancel(std::uint32_t stream, rpc::Multiplexer::Tag tag) override;

  Relay& relay_;
  rpc::Connection connection_;
  Condition answered_;
  Bytes hop_;
  bool draining_ = false;
};

}  // namespace babilu::proxy
