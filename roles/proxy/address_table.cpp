#include "roles/proxy/address_table.h"

#include <array>

namespace babilu::proxy {

namespace {

/// More than one, so that the table shrinks faster than it grows.
constexpr int forgotten_at_once = 2;

constexpr std::size_t few_buckets = 16;

SipKey draw_key(crypto::Random& random) {
  std::array<std::uint64_t, 2> words{};
  crypto::fill_random(random, {reinterpret_cast<std::uint8_t*>(words.data()), sizeof words});
  return {words[0], words[1]};
}

}  // namespace

AddressTable::AddressTable(crypto::Random& random)
    : entries_(few_buckets, Hash{draw_key(random)}) {}

AddressEntry* AddressTable::enter(const Share& share, Clock::time_point now,
                                  std::size_t most_resting) {
  forget_some(now);
  const auto known = entries_.find(share.addresses);
  if (known == entries_.end() && resting_.size() >= most_resting) return nullptr;
  // One that tries again is not the oldest any more: those behind it may be forgotten.
  if (known != entries_.end() && known->second.sessions == 0) {
    resting_.splice(resting_.end(), resting_, resting_.iterator_to(known->second));
  }
  return &find(share);
}

AddressEntry& AddressTable::find(const Share& share) {
  const auto [position, added] = entries_.try_emplace(share.addresses, share.addresses);
  AddressEntry& entry = position->second;
  if (added) resting_.push_back(entry);
  entry.take_up(share.limits);
  return entry;
}

void AddressTable::add_session(AddressEntry& entry) {
  if (entry.sessions++ == 0) resting_.erase(resting_.iterator_to(entry));
}

void AddressTable::remove_session(AddressEntry& entry) {
  if (--entry.sessions == 0) resting_.push_back(entry);
}

/// Those whose buckets are full again: nobody notices.
void AddressTable::forget_some(Clock::time_point now) {
  for (int i = 0; i < forgotten_at_once && !resting_.empty(); ++i) {
    AddressEntry& oldest = resting_.front();
    if (!oldest.handshakes.full(now) || !oldest.requests.full(now)) return;
    resting_.pop_front();
    entries_.erase(entries_.find(oldest.addresses));
  }
}

}  // namespace babilu::proxy
