#include "roles/peer/node.h"

#include <algorithm>

#include <boost/asio/error.hpp>
#include <boost/scope/scope_exit.hpp>

#include "roles/peer/node_state.h"

namespace babilu::peer {

using rpc::Side;

namespace {

/// How long accepting pauses when the machine is out of something, files above all.
constexpr auto accept_pause = std::chrono::milliseconds(100);

}  // namespace

Node::Node(Runtime& runtime, net::Network& network, net::Security& security, Profile& profile,
           NodeOptions options, Events& events)
    : runtime_(runtime),
      network_(network),
      security_(security),
      profile_(profile),
      options_(options),
      events_(events),
      scope_(runtime),
      changed_(runtime) {}

Node::~Node() = default;

void Node::listen(net::ListenerPtr listener) {
  listeners_.push_back(std::move(listener));
  scope_.spawn_essential("accept", accept(*listeners_.back()));
}

task<> Node::accept(net::Listener& listener) {
  for (;;) {
    Result<net::StreamPtr> stream = co_await listener.accept();
    if (stream) {
      const bool full =
          visits_.size() >= options_.most_connections || strangers() >= options_.most_strangers;
      if (!full) {
        scope_.spawn("accepted", serve(std::move(*stream)));
      } else {
        events_.on_stranger((*stream)->remote(), "too many connections: closed at once");
      }
    } else if (stream.error() == boost::asio::error::operation_aborted) {
      co_return;
    } else {
      events_.on_trouble("cannot accept connections: " + stream.error().message());
      co_await runtime_.sleep_for(accept_pause);
    }
  }
}

std::size_t Node::strangers() const {
  const auto unknown = std::ranges::count_if(
      visits_, [](const Visit& visit) { return !visit.dial && !visit.session->contact(); });
  return handshakes_ + static_cast<std::size_t>(unknown);
}

task<> Node::serve(net::StreamPtr raw) {
  const net::Address remote = raw->remote();
  ++handshakes_;
  boost::scope::scope_exit shaken([this] { --handshakes_; });
  Result<net::StreamPtr> stream =
      co_await security_.accept(std::move(raw), runtime_.now() + options_.connect_timeout);
  shaken.set_active(false);
  --handshakes_;
  if (!stream) {
    events_.on_stranger(remote, stream.error().message());
    co_return;
  }
  const Ending ending = co_await converse(std::move(*stream), Side::listener, nullptr);
  if (ending.joined) co_return;
  if (ending.kind == Ending::Kind::refused_us) {
    events_.on_refused_us(remote, ending.why);
  } else if (ending.kind != Ending::Kind::refused) {
    events_.on_stranger(remote, "left before an introduction");
  }
}

task<Ending> Node::converse(net::StreamPtr stream, Side side, Dial* dial) {
  PeerSession::Host& host = *this;
  auto session = std::make_shared<PeerSession>(runtime_, std::move(stream), side, profile_.keys,
                                               profile_.name, options_, host);
  const auto visit = visits_.insert(visits_.end(), Visit{session, dial, false, {}});
  boost::scope::scope_exit cancelled([&] { end_visit(visit); });
  Ending ending = co_await session->run();
  cancelled.set_active(false);
  const bool was_last = end_visit(visit);
  if (was_last && !leaving_) events_.on_left(*session->contact(), ending);
  co_return ending;
}

bool Node::end_visit(std::list<Visit>::iterator visit) {
  const std::shared_ptr<PeerSession> session = std::move(visit->session);
  visits_.erase(visit);
  changed_.notify_all();
  if (!session->joined()) return false;
  const auto conversation = conversations_.find(session->contact()->id);
  conversation->second->remove(*session);
  if (!conversation->second->empty()) return false;
  conversations_.erase(conversation);
  return true;
}

task<> Node::leave(Deadline deadline) {
  leaving_ = true;
  for (const auto& listener : listeners_) listener->close();
  for (const Visit& visit : visits_) visit.session->drain(deadline);
  bool in_time = true;
  while (!visits_.empty() && in_time) in_time = co_await changed_.wait(deadline);
  scope_.cancel();
  co_await scope_.join();
}

Node::Visit& Node::visit_of(const PeerSession& session) {
  return *std::ranges::find_if(visits_,
                               [&](const Visit& visit) { return visit.session.get() == &session; });
}

Deadline Node::store_deadline() const {
  return runtime_.now() + options_.store_timeout;
}

}  // namespace babilu::peer
