#include "roles/proxy/waiting_lists.h"

#include "roles/proxy/link.h"

namespace babilu::proxy {

void Relay::WaitingLists::add(Relayed& relayed) {
  List& list = lists_[relayed.service()];
  if (list.empty()) waited_for_.push_back(relayed.service());
  relayed.turn = next_turn_++;
  list.push_back(relayed);
}

void Relay::WaitingLists::remove(Relayed& relayed) {
  List& list = lists_[relayed.service()];
  list.erase(list.iterator_to(relayed));
  if (list.empty()) std::erase(waited_for_, relayed.service());
}

Relay::Relayed* Relay::WaitingLists::next_for(const Link& link) {
  Relayed* oldest = nullptr;
  for (const std::uint8_t service : waited_for_) {
    Relayed& first = lists_[service].front();
    if (oldest != nullptr && oldest->turn < first.turn) continue;
    if (link.has_room(service)) oldest = &first;
  }
  return oldest;
}

Relay::Relayed* Relay::WaitingLists::any() {
  return waited_for_.empty() ? nullptr : &lists_[waited_for_.front()].front();
}

}  // namespace babilu::proxy
