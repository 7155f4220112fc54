#include "core/net/waiting_room.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <string_view>
#include <utility>

#include "core/net/share.h"

namespace babilu::net {

Guest::Guest(WaitingRoom& room, Stream& stream)
    : room_(room), stream_(stream), share_(share_of(stream.remote().host)) {
  room_.enter(*this);
}

void Guest::wait() noexcept {
  if (!is_linked()) return;
  room_.guests_.splice(room_.guests_.end(), room_.guests_, room_.guests_.iterator_to(*this));
}

void Guest::leave() noexcept {
  if (is_linked()) room_.guests_.erase(room_.guests_.iterator_to(*this));
}

WaitingRoom::WaitingRoom(std::size_t places, std::function<void()> on_gave_way)
    : places_(places), on_gave_way_(std::move(on_gave_way)) {
  assert(places > 0);
}

void WaitingRoom::enter(Guest& guest) {
  while (guests_.size() >= places_) {
    Guest& gone = first_to_go();
    gone.leave();
    gone.gone_ = true;
    gone.stream_.close();
    on_gave_way_();
  }
  guests_.push_back(guest);
}

Guest& WaitingRoom::first_to_go() {
  assert(!guests_.empty());
  std::map<std::string_view, std::size_t> places;
  std::size_t most = 0;
  for (const Guest& guest : guests_) most = std::max(most, ++places[guest.share_]);
  return *std::ranges::find_if(guests_,
                               [&](const Guest& guest) { return places[guest.share_] == most; });
}

}  // namespace babilu::net
