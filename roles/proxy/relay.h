#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/rpc/multiplexer.h"
#include "core/runtime/clock.h"

namespace babilu {
class Runtime;
}

namespace babilu::proxy {

class ClientSession;
class Link;

/// Hop data: who the client is, and which attempt this is.
Bytes encode_hop(std::string_view client_address, std::uint32_t attempt);

/// Counts of the relay, for metrics. Any thread may read them through whoever owns them.
struct RelayObserver {
  virtual ~RelayObserver() = default;
  virtual void on_relayed(const Link& link, std::uint16_t method, rpc::Code code,
                          Clock::duration latency) = 0;
  virtual void on_refused(rpc::Code code) = 0;
  virtual void on_resent(const Link& link) = 0;
  virtual void on_link_up(const Link& link) = 0;
  virtual void on_link_lost(const Link& link) = 0;
};

/// Where a request is relayed: from a session to a link, and its reply back, by header alone.
///
/// A request that may be sent again is kept until its reply. When its link breaks it goes to
/// another backend, at most once more, within its deadline; others end `unavailable`.
/// Owner: the Proxy of one Runtime. Thread: that one.
class Relay {
 public:
  Relay(Runtime& runtime, RelayObserver& observer);
  ~Relay();

  void add(Link& link) { links_.push_back(&link); }
  const std::vector<Link*>& links() const noexcept { return links_; }

  // From sessions.
  void on_request(ClientSession& session, const wire::Frame& frame);
  void to_link(const wire::Frame& frame, rpc::Multiplexer::Tag tag);
  void on_cancel(rpc::Multiplexer::Tag tag);
  void on_session_gone(rpc::Multiplexer& streams);

  // From links.
  void on_link_up(Link& link);
  void on_link_lost(Link& link, rpc::Multiplexer& streams);
  void to_session(const wire::Frame& frame, rpc::Multiplexer::Tag tag);
  void on_reply(Link& link, const wire::Frame& frame, rpc::Multiplexer::Tag tag);

 private:
  struct Relayed;

  Link* choose_link(std::uint16_t method, std::uint32_t route, const Link* except);
  /// Sends a kept request, for the first or second time. False when no link takes it.
  bool send(Relayed& relayed, ByteView payload, const Link* except);
  bool send_again(Relayed& relayed, const Link& failed);
  void answer(Relayed& relayed, const rpc::Reply& reply);
  rpc::Status why_no_link(std::uint16_t method) const;

  Runtime& runtime_;
  RelayObserver& observer_;
  std::vector<Link*> links_;
};

}  // namespace babilu::proxy
