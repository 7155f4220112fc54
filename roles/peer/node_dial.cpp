// The dialing half of a Node.
#include <algorithm>

#include <boost/scope/scope_exit.hpp>

#include "core/runtime/backoff.h"
#include "roles/api/reasons.h"
#include "roles/peer/node_state.h"

namespace babilu::peer {

using rpc::Code;
using rpc::Side;

namespace {

/// A server of the same protocol that knows no peer's methods.
bool speaks_no_peer(const rpc::Status& why) {
  return why.code == Code::unimplemented || why.is(api::reasons.no_backend);
}

}  // namespace

bool Node::dials(const net::Address& to) const {
  return std::ranges::any_of(dials_, [&](const Dial& dial) { return dial.to == to; });
}

bool Node::dial(const net::Address& to, std::string with) {
  if (dials(to) || leaving_) return false;
  dials_.push_back({to, std::move(with)});
  scope_.spawn_essential("dial", keep_dialing(dials_.back()));
  return true;
}

task<> Node::keep_dialing(Dial& dial) {
  const boost::scope::scope_exit forget([&] {
    const net::Address to = dial.to;
    std::erase_if(dials_, [&](const Dial& other) { return &other == &dial; });
    events_.on_dial_ended(to);
  });
  Backoff backoff(options_.redial_min, options_.redial_max);
  bool told = false;
  while (!leaving_) {
    const Ending ending = co_await attempt(dial);
    if (ending.kind == Ending::Kind::refused) co_return;
    if (ending.kind == Ending::Kind::refused_us) {
      events_.on_refused_us(dial.to, ending.why);
      co_return;
    }
    if (ending.joined) {
      backoff.reset();
      told = false;
    } else if (!told && !leaving_) {
      told = true;
      events_.on_unreachable(dial.to, ending.why);
    }
    co_await runtime_.sleep_for(backoff.next(runtime_.random()));
  }
}

task<Ending> Node::attempt(Dial& dial) {
  const Deadline deadline = runtime_.now() + options_.connect_timeout;
  Result<net::StreamPtr> stream = co_await net::dial(network_, security_, dial.to, deadline);
  if (!stream) {
    rpc::Status why(rpc::reasons.cannot_connect, stream.error().message());
    co_return Ending{Ending::Kind::gone, std::move(why)};
  }
  Ending ending = co_await converse(std::move(*stream), Side::dialer, &dial, nullptr);
  if (!ending.joined && ending.why.ok()) {
    ending.why = {api::peer_reasons.left, "they left before an introduction"};
  }
  if (!ending.joined && speaks_no_peer(ending.why)) {
    ending.kind = Ending::Kind::refused_us;
    ending.why = {api::peer_reasons.no_peer,
                  "what listens there is no peer, but a proxy or a backend of a stack"};
  }
  co_return ending;
}

}  // namespace babilu::peer
