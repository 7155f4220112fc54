#include "roles/proxy/client_session.h"

#include "core/runtime/runtime.h"
#include "core/tls/tls.h"
#include "core/wire/envelope.pb.h"
#include "roles/api/reasons.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {

ClientSession::ClientSession(Runtime& runtime, net::StreamPtr stream,
                             std::shared_ptr<const rpc::ConnectionOptions> options,
                             std::string_view remote, Admission::Ticket ticket, Relay& relay,
                             Owner& owner)
    : relay_(relay),
      owner_(owner),
      options_(std::move(options)),
      ticket_(std::move(ticket)),
      connection_(runtime, std::move(stream), rpc::Side::listener, *options_, *this),
      answered_(runtime),
      hop_(encode_hop(remote, 1)) {}

ClientSession::~ClientSession() {
  relay_.on_session_gone(connection_.multiplexer());
}

void ClientSession::start() {
  wire::Hello hello;
  hello.set_agent("babilu proxy");
  const AddressLimits limits = take_up_limits();  // hands were shaken under older ones, maybe
  auto& told = *hello.mutable_address_limits();
  told.set_sessions(limits.sessions);
  told.set_handshakes_per_second(limits.handshakes_per_second);
  told.set_requests_per_second(limits.requests_per_second);
  tls::count_overhead(connection_.stream(), connection_.overhead());
  connection_.greet(std::move(hello));
  connection_.start();
}

std::string ClientSession::remote() const {
  wire::Hop hop;
  hop.ParseFromArray(hop_.data(), static_cast<int>(hop_.size()));
  return hop.client_address();
}

void ClientSession::drain(Deadline deadline) {
  draining_ = true;
  multiplexer().goaway({});
  flush();
  connection_.scope().spawn("drain", close_when_answered(deadline));
}

task<> ClientSession::close_when_answered(Deadline deadline) {
  while (connection_.open() && multiplexer().incoming() > 0) {
    const bool notified = co_await answered_.wait(deadline);
    if (!notified) break;
  }
  connection_.close({});
}

bool ClientSession::drop() {
  if (std::exchange(dropped_, true)) return false;
  connection_.abort({api::reasons.slow_reader, "too many replies were not read"});
  return true;
}

void ClientSession::on_request(const wire::Frame& frame, rpc::Multiplexer::Tag& tag) {
  relay_.on_request(*this, frame, tag);
}

void ClientSession::on_refused(const wire::Frame& frame, rpc::Status& why) {
  relay_.on_refused(*this, frame, why);
}

void ClientSession::on_item(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool) {
  relay_.to_link(frame, tag);
}

void ClientSession::on_credit(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool) {
  relay_.to_link(frame, tag);
}

void ClientSession::on_reply(const wire::Frame&, rpc::Multiplexer::Tag) {
  // A proxy asks its clients nothing.
}

/// Whoever sends more of it than its address may is not read from until that is made up for: so
/// nothing is lost, and who pings now and then does not notice.
void ClientSession::on_overhead(std::uint32_t count) {
  Runtime& runtime = connection_.runtime();
  const Clock::duration time = ticket_.charge(runtime.turn_began(), count);
  if (time == Clock::duration{}) return;
  if (!rest_) {
    rest_ = std::make_unique<Alarm>(
        runtime.clock(), [](void* self) { static_cast<ClientSession*>(self)->end_rest(); }, this);
    relay_.on_slowed();
  }
  rest_->set(runtime.turn_began() + time);
  connection_.pause_reading(true);
}

void ClientSession::end_rest() {
  rest_.reset();
  connection_.pause_reading(kept_bytes_ > relay_.session_bytes());
}

void ClientSession::on_cancel(std::uint32_t, rpc::Multiplexer::Tag tag) {
  relay_.on_cancel(tag);
}

}  // namespace babilu::proxy
