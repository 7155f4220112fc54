#include "core/tls/sessions.h"

#include <algorithm>
#include <cassert>

#include <botan/tls_callbacks.h>
#include <botan/tls_psk_identity_13.h>
#include <botan/x509cert.h>

#include "core/tls/credentials.h"

namespace babilu::tls {

namespace {

using Botan::TLS::Session;
using Botan::TLS::Session_Handle;

// Of those that a client offers: ours offers one, and each costs us. Of those that a server gives
// on one connection: one is all that ours needs.
constexpr std::size_t most_looked_at = 2;
constexpr int most_kept = 2;

}  // namespace

std::optional<Session_Handle> ListenerSessions::establish(
    const Session& session, const std::optional<Botan::TLS::Session_ID>&, bool) {
  auto ticket = keys_->seal(session, certificate_until_, *m_rng);
  if (!ticket) return std::nullopt;
  return Session_Handle(std::move(*ticket));
}

std::optional<Session> ListenerSessions::retrieve(const Session_Handle& handle,
                                                  Botan::TLS::Callbacks& callbacks,
                                                  const Botan::TLS::Policy&) {
  const auto ticket = handle.ticket();
  if (!ticket) return std::nullopt;
  return keys_->open(*ticket, callbacks.tls_current_timestamp());
}

std::optional<std::pair<Session, std::uint16_t>> ListenerSessions::choose_from_offered_tickets(
    const std::vector<Botan::TLS::PskIdentity>& tickets, std::string_view hash,
    Botan::TLS::Callbacks& callbacks, const Botan::TLS::Policy& policy) {
  const auto end =
      tickets.begin() + static_cast<std::ptrdiff_t>(std::min(tickets.size(), most_looked_at));
  return Sessions::choose_from_offered_tickets({tickets.begin(), end}, hash, callbacks, policy);
}

std::shared_ptr<Sessions> make_listener_sessions(Runtime& runtime, const Context& context) {
  const std::shared_ptr<Random> random(std::shared_ptr<void>(), &runtime.random());
  return std::make_shared<ListenerSessions>(context.parts().ticket_keys, context.valid_until(),
                                            random);
}

void DialerSessions::proved(WallTime now, WallTime valid_until) noexcept {
  proved_until_ = std::min(valid_until, now + max_unproved);
}

void DialerSessions::forget() {
  if (offered_) store_.forget(other_side_);
}

std::vector<Botan::TLS::Session_with_Handle> DialerSessions::find(
    const Botan::TLS::Server_Information&, Botan::TLS::Callbacks& callbacks,
    const Botan::TLS::Policy&) {
  auto held = store_.take(other_side_, callbacks.tls_current_timestamp());
  if (!held) return {};
  offered_ = true;
  proved_until_ = held->proved_until;
  std::vector<Botan::TLS::Session_with_Handle> found;
  found.push_back({std::move(held->session), std::move(held->handle)});
  return found;
}

/// Kept without the other side's certificates, which are most of its size: all that they say is in
/// `other_side_` and `proved_until_`.
void DialerSessions::store(const Session& session, const Session_Handle& handle) {
  if (++kept_ > most_kept) return;
  assert(proved_until_ != WallTime{});  // whose ticket this is has been proved
  Session kept(session.master_secret(), std::nullopt, session.session_age_add(),
               session.lifetime_hint(), session.version(), session.ciphersuite_code(),
               session.side(), {}, nullptr, session.server_info(), session.start_time());
  store_.keep(other_side_, {std::move(kept), handle, proved_until_});
}

}  // namespace babilu::tls
