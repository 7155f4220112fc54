// The listening half of a Node: who connects, and who gives way.
#include <algorithm>

#include "core/net/accept.h"
#include "core/net/share.h"
#include "roles/peer/node_state.h"

namespace babilu::peer {

using rpc::Side;

Node::Guest::Guest(Runtime& runtime, net::Address from)
    : address(std::move(from)), share(net::share_of(address.host)), scope(runtime) {}

void Node::listen(net::ListenerPtr listener) {
  listeners_.push_back(std::move(listener));
  net::Acceptor acceptor{.take = [this](net::StreamPtr stream) { take_guest(std::move(stream)); },
                         .on_trouble =
                             [this](error_code why) {
                               events_.on_trouble("cannot accept connections: " + why.message());
                             }};
  scope_.spawn_essential("accept",
                         net::accept_each(runtime_, *listeners_.back(), std::move(acceptor)));
}

void Node::take_guest(net::StreamPtr stream) {
  const net::Address& remote = stream->remote();
  if (!make_room_for(remote)) {
    events_.on_stranger(remote, "too many contacts are here: closed at once");
    return;
  }
  guests_.emplace_back(runtime_, remote);
  scope_.spawn("guest", receive_guest(std::prev(guests_.end()), std::move(stream)));
}

/// So nobody is kept out by others who are merely there. False when only contacts are here.
bool Node::make_room_for(const net::Address& newcomer) {
  std::size_t all = 0;
  std::size_t strangers = 0;
  for (const Guest& guest : guests_) {
    if (guest.scope.cancelled()) continue;
    ++all;
    if (guest.is_stranger()) ++strangers;
  }
  const bool crowded = strangers >= options_.most_strangers;
  if (!crowded && all < options_.most_connections) return true;
  Guest* const leaving = oldest_of_the_most(net::share_of(newcomer.host), crowded);
  if (leaving == nullptr) return false;
  if (leaving->is_stranger()) {
    events_.on_stranger(leaving->address, "gave way to somebody else: too many are here");
  }
  leaving->scope.cancel();
  return true;
}

/// Of the address with the most of those that may give way. The newcomer counts as one.
Node::Guest* Node::oldest_of_the_most(const std::string& newcomers_share, bool strangers_only) {
  std::map<std::string_view, std::size_t> counts;
  std::vector<Guest*> candidates;
  for (Guest& guest : guests_) {
    if (guest.scope.cancelled() || !guest.may_give_way()) continue;
    if (strangers_only && !guest.is_stranger()) continue;
    candidates.push_back(&guest);
    ++counts[guest.share];
  }
  if (counts.contains(newcomers_share)) ++counts[newcomers_share];
  Guest* leaving = nullptr;
  for (Guest* const guest : candidates) {
    if (leaving == nullptr || counts[guest->share] > counts[leaving->share]) leaving = guest;
  }
  return leaving;
}

/// Owns the guest: the connection ends when they have to go.
task<> Node::receive_guest(std::list<Guest>::iterator guest, net::StreamPtr raw) {
  guest->scope.spawn("serve", serve(*guest, std::move(raw)));
  co_await guest->scope.join();
  guests_.erase(guest);
  changed_.notify_all();
}

task<> Node::serve(Guest& guest, net::StreamPtr raw) {
  Result<net::StreamPtr> stream =
      co_await security_.accept(std::move(raw), runtime_.now() + options_.connect_timeout);
  if (guest.scope.cancelled()) co_return;
  if (!stream) {
    events_.on_stranger(guest.address, stream.error().message());
    co_return;
  }
  const Ending ending = co_await converse(std::move(*stream), Side::listener, nullptr, &guest);
  if (ending.joined || guest.scope.cancelled()) co_return;
  if (ending.kind == Ending::Kind::refused_us) {
    events_.on_refused_us(guest.address, ending.why);
  } else if (ending.kind != Ending::Kind::refused) {
    events_.on_stranger(guest.address, "left before an introduction");
  }
}

}  // namespace babilu::peer
