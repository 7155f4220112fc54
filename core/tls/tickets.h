#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include <botan/tls_session.h>

#include "core/base/bytes.h"
#include "core/crypto/aead.h"
#include "core/runtime/runtime.h"

/// Session tickets (RFC 8446 §2.2) of a Context, on both sides; internal to core/tls. The time is
/// always that of the Runtime whose connection asks. Thread: any.
namespace babilu::tls {

using WallTime = std::chrono::system_clock::time_point;

/// How long a ticket may be used.
inline constexpr std::chrono::hours ticket_lifetime{2};
/// How long one key seals. It opens as long as one of its tickets may be used: three hours in all.
inline constexpr std::chrono::hours ticket_key_period{1};
/// Resumed connections give tickets too. A certificate is still proved as often as this.
inline constexpr std::chrono::hours max_unproved{24};

/// What a listener seals its tickets with, so that it need not remember them.
///
/// Keys are drawn when they are first needed, from the Runtime that needs them, and stay in this
/// process. An old one is wiped when the next ticket is sealed or opened.
///
/// A ticket is the name of its key, 4 bytes, then what crypto::seal_with_random_nonce makes of what
/// a resumption needs: when it was sealed, cipher suite, secret. (Botan's own Session::encrypt
/// derives a key for each ticket, and encodes all of the session: a hundred thousand instructions,
/// a thirtieth of a handshake.)
/// Cost: about 2 µs to seal or open, with the others locked out.
class TicketKeys {
 public:
  /// Nothing if the ticket could be used longer than the certificate is valid.
  std::optional<Botan::TLS::Session_Ticket> seal(const Botan::TLS::Session& session,
                                                 WallTime certificate_until, Random& random);
  /// Nothing if it is none of ours, or too old.
  std::optional<Botan::TLS::Session> open(const Botan::TLS::Session_Ticket& ticket, WallTime now);

 private:
  using Name = std::array<std::uint8_t, 4>;
  struct Key {
    WallTime born;
    Name name;
    crypto::Aead aead;
    std::uint64_t uses = 0;
  };
  Key& sealing_key(WallTime now, Random& random);
  Key* opening_key(WallTime now, ByteView ticket);
  void drop_old(WallTime now);

  std::mutex mutex_;
  std::deque<Key> keys_;  // the newest first
};

/// A ticket that a dialer holds.
struct HeldTicket {
  Botan::TLS::Session session;
  Botan::TLS::Session_Handle handle;
  /// Until when what the certificate proved may be believed.
  WallTime proved_until;
};

/// What a dialer's connections hold, each for one other side. A ticket leaves when it is used:
/// seen twice, it would tell onlookers that both connections are of one client (RFC 8446 §C.4).
/// Beyond `capacity` the oldest go.
class TicketStore {
 public:
  static constexpr std::size_t capacity = 1024;

  void keep(const std::string& other_side, HeldTicket ticket);
  /// The newest that may be used now.
  std::optional<HeldTicket> take(const std::string& other_side, WallTime now);
  void forget(const std::string& other_side);
  std::size_t size() const;

 private:
  struct Kept {
    std::string other_side;
    HeldTicket ticket;
  };
  mutable std::mutex mutex_;
  std::deque<Kept> kept_;  // the oldest first
};

}  // namespace babilu::tls
