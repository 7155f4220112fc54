#include "core/tls/tickets.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include <botan/tls_version.h>
#include <botan/x509cert.h>

namespace babilu::tls {

namespace {

// Before the secret, which the name of the host follows. No other process reads it, so the order of
// its bytes is the machine's.
struct Header {
  std::int64_t sealed_at;  // seconds
  std::uint32_t suite;
  std::uint32_t secret_size;
};
// Of one key with random nonces: 2^32 (NIST SP 800-38D §8.3), and a good way off.
constexpr std::uint64_t max_uses = std::uint64_t{1} << 31;
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

TicketKeys::Key& TicketKeys::sealing_key(WallTime now, Random& random) {
  drop_old(now);
  const bool fresh = !keys_.empty() && now - keys_.front().born < ticket_key_period &&
                     keys_.front().uses < max_uses;
  if (!fresh) {
    Secret key(crypto::Aead::key_size);
    crypto::fill_random(random, key);
    const auto name = crypto::random_array<std::tuple_size_v<Name>>(random);
    keys_.push_front({now, name, crypto::Aead(key)});
  }
  return keys_.front();
}

TicketKeys::Key* TicketKeys::opening_key(WallTime now, ByteView ticket) {
  drop_old(now);
  const auto named = [&](const Key& key) {
    return ticket.size() > key.name.size() &&
           std::equal(key.name.begin(), key.name.end(), ticket.begin());
  };
  const auto found = std::find_if(keys_.begin(), keys_.end(), named);
  return found == keys_.end() ? nullptr : &*found;
}

std::optional<Botan::TLS::Session_Ticket> TicketKeys::seal(const Botan::TLS::Session& session,
                                                           WallTime certificate_until,
                                                           Random& random) {
  const WallTime now = session.start_time();
  if (certificate_until - now < ticket_lifetime) return std::nullopt;
  const Secret& secret = session.master_secret();
  const std::string host = session.server_info().hostname();
  const Header header{std::chrono::system_clock::to_time_t(now), session.ciphersuite_code(),
                      static_cast<std::uint32_t>(secret.size())};
  Secret content(sizeof(header));
  std::memcpy(content.data(), &header, sizeof(header));
  content.insert(content.end(), secret.begin(), secret.end());
  content.insert(content.end(), host.begin(), host.end());

  const std::lock_guard lock(mutex_);
  Key& key = sealing_key(now, random);
  ++key.uses;
  std::vector<std::uint8_t> ticket(key.name.begin(), key.name.end());
  const Bytes sealed = crypto::seal_with_random_nonce(key.aead, random, key.name, content);
  ticket.insert(ticket.end(), sealed.begin(), sealed.end());
  return Botan::TLS::Session_Ticket(std::move(ticket));
}

std::optional<Botan::TLS::Session> TicketKeys::open(const Botan::TLS::Session_Ticket& ticket,
                                                    WallTime now) {
  std::optional<Secret> content;
  {
    const std::lock_guard lock(mutex_);
    Key* key = opening_key(now, ticket.get());
    if (key == nullptr) return std::nullopt;
    const ByteView sealed = ByteView(ticket.get()).subspan(key->name.size());
    content = crypto::open_with_nonce(key->aead, key->name, sealed);
  }
  Header header;
  if (!content || content->size() <= sizeof(header)) return std::nullopt;
  std::memcpy(&header, content->data(), sizeof(header));
  const ByteView rest = ByteView(*content).subspan(sizeof(header));
  if (rest.size() < header.secret_size) return std::nullopt;
  const ByteView secret = rest.first(header.secret_size);
  const ByteView host = rest.subspan(header.secret_size);
  const auto sealed_at = std::chrono::system_clock::from_time_t(header.sealed_at);
  if (now - sealed_at > ticket_lifetime) return std::nullopt;
  // What a ticket's age was to look like matters for early data only.
  constexpr std::uint32_t age_add = 0;
  return Botan::TLS::Session(
      Secret(secret.begin(), secret.end()), std::nullopt, age_add, ticket_lifetime,
      Botan::TLS::Protocol_Version::TLS_V13, static_cast<std::uint16_t>(header.suite),
      Botan::TLS::Connection_Side::Server, {}, nullptr,
      Botan::TLS::Server_Information(std::string(host.begin(), host.end())), sealed_at);
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
