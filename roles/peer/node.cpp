#include "roles/peer/node.h"

#include <algorithm>

#include <boost/scope/scope_exit.hpp>

#include "roles/api/reasons.h"
#include "roles/peer/node_state.h"

namespace babilu::peer {

using rpc::Side;
using rpc::Status;

namespace {

Ending gave_way() {
  return {Ending::Kind::gone, Status(api::peer_reasons.gave_way, "too many strangers are here"),
          true};
}

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

task<Ending> Node::converse(net::StreamPtr stream, Side side, Dial* dial, Guest* guest) {
  PeerSession::Host& host = *this;
  auto session = std::make_shared<PeerSession>(runtime_, std::move(stream), side, profile_.keys,
                                               profile_.name, options_, host);
  if (guest != nullptr) guest->session = session;
  const auto visit = visits_.insert(visits_.end(), Visit{session, dial, false, {}});
  boost::scope::scope_exit cancelled([&] {
    const bool was_last = end_visit(visit);
    if (was_last && !leaving_) events_.on_left(*session->contact(), gave_way());
  });
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
  for (Guest& guest : guests_) guest.scope.cancel();
  while (!guests_.empty()) co_await changed_.wait();
  co_await scope_.close();
}

Node::Visit& Node::visit_of(const PeerSession& session) {
  return *std::ranges::find_if(visits_,
                               [&](const Visit& visit) { return visit.session.get() == &session; });
}

Deadline Node::store_deadline() const {
  return runtime_.now() + options_.store_timeout;
}

}  // namespace babilu::peer
