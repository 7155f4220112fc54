#pragma once

#include <unordered_map>

#include <boost/intrusive/list.hpp>

#include "core/crypto/random.h"
#include "roles/proxy/bucket.h"
#include "roles/proxy/limits.h"

namespace babilu::proxy {

/// What is counted of addresses that have one share. `requests` and its rate may be used by any
/// thread that has a session of it; the rest belongs to the table.
struct AddressEntry : boost::intrusive::list_base_hook<> {
  explicit AddressEntry(const Cidr& share) : addresses(share) {}

  const Cidr addresses;
  AddressLimits limits;
  unsigned sessions = 0;
  Bucket handshakes;
  Bucket requests;
  std::atomic<unsigned> requests_per_second{0};

  void take_up(const AddressLimits& now) noexcept {
    limits = now;
    requests_per_second.store(now.requests_per_second, std::memory_order_relaxed);
  }
};

/// The addresses that have sessions, and those that had some a moment ago and whose rates still
/// matter. Bounded: each of the first has a session, of the second there are at most as many as
/// `enter` is told. They are forgotten in the order in which they were last heard of, a few
/// at each `enter`, so nothing here looks at all of them. Not locked: Admission has the mutex.
class AddressTable {
 public:
  using Share = AdmissionOptions::Share;

  /// Draws the key of its hashes.
  explicit AddressTable(crypto::Random& random);

  /// The entry of a share, with its limits as they are now; null when it would be one more
  /// without a session than may be. It stays until the next call unless it gets a session.
  AddressEntry* enter(const Share& share, Clock::time_point now, std::size_t most_resting);
  /// The same for a session that is there: never null.
  AddressEntry& find(const Share& share);

  void add_session(AddressEntry& entry);
  void remove_session(AddressEntry& entry);
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Hash {
    SipKey key;
    std::size_t operator()(const Cidr& share) const noexcept { return share.hash(key); }
  };
  void forget_some(Clock::time_point now);

  std::unordered_map<Cidr, AddressEntry, Hash> entries_;
  boost::intrusive::list<AddressEntry> resting_;  ///< without a session; the longest first
};

}  // namespace babilu::proxy
