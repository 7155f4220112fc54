#include "core/tls/tickets.h"

#include <algorithm>
#include <utility>

#include <botan/exceptn.h>
#include <botan/rng.h>

namespace babilu::tls {

namespace {

constexpr std::size_t key_bytes = 32;
constexpr auto key_life = ticket_key_period + ticket_lifetime;

// Threads read the clock before they take turns, and clocks are corrected by a little. A key of
// later than that was drawn before the clock was set back, and would live too long.
constexpr std::chrono::minutes tolerance{1};

bool is_usable(const HeldTicket& ticket, WallTime now) {
  const auto age = now - ticket.session.start_time();
  const auto lifetime =
      std::min<std::chrono::seconds>(ticket_lifetime, ticket.session.lifetime_hint());
  return age <= lifetime && now < ticket.proved_until;
}

}  // namespace

void TicketKeys::drop_old(WallTime now) {
  std::erase_if(keys_, [&](const Key& key) {
    return key.born > now + tolerance || now - key.born >= key_life;
  });
}

Botan::SymmetricKey TicketKeys::sealing_key(WallTime now, Random& random) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  if (keys_.empty() || now - keys_.front().born >= ticket_key_period) {
    keys_.push_front({now, Botan::SymmetricKey(random, key_bytes)});
  }
  return keys_.front().key;
}

std::vector<Botan::SymmetricKey> TicketKeys::opening_keys(WallTime now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  std::vector<Botan::SymmetricKey> keys;
  for (const Key& key : keys_) keys.push_back(key.key);
  return keys;
}

std::optional<Botan::TLS::Session_Ticket> TicketKeys::seal(const Botan::TLS::Session& session,
                                                           WallTime certificate_until,
                                                           Random& random) {
  if (certificate_until - session.start_time() < ticket_lifetime) return std::nullopt;
  const auto key = sealing_key(session.start_time(), random);
  return Botan::TLS::Session_Ticket(session.encrypt(key, random));
}

std::optional<Botan::TLS::Session> TicketKeys::open(const Botan::TLS::Session_Ticket& ticket,
                                                    WallTime now) {
  for (const auto& key : opening_keys(now)) {
    try {
      auto session = Botan::TLS::Session::decrypt(ticket.get(), key);
      if (now - session.start_time() > ticket_lifetime) return std::nullopt;
      return session;
    } catch (const Botan::Exception&) {
      // Not sealed with this key.
    }
  }
  return std::nullopt;
}

void TicketStore::keep(const std::string& other_side, HeldTicket ticket) {
  const std::lock_guard lock(mutex_);
  while (kept_.size() >= capacity) kept_.pop_front();
  kept_.push_back({other_side, std::move(ticket)});
}

std::optional<HeldTicket> TicketStore::take(const std::string& other_side, WallTime now) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = kept_.size(); i-- > 0;) {
    if (kept_[i].other_side != other_side) continue;
    HeldTicket ticket = std::move(kept_[i].ticket);
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
    if (is_usable(ticket, now)) return ticket;
  }
  return std::nullopt;
}

void TicketStore::forget(const std::string& other_side) {
  const std::lock_guard lock(mutex_);
  std::erase_if(kept_, [&](const Kept& kept) { return kept.other_side == other_side; });
}

std::size_t TicketStore::size() const {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

}  // namespace babilu::tls
