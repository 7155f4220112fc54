#pragma once

#include <memory>
#include <string>
#include <utility>

#include <botan/tls_session_manager.h>

#include "core/tls/context.h"
#include "core/tls/tickets.h"

/// What Botan asks about resumption; internal to core/tls. Thread: a Runtime's, since time and
/// randomness are its own.
namespace babilu::tls {

/// Nothing but tickets: no list of sessions that Botan would look up or remove from.
class Sessions : public Botan::TLS::Session_Manager {
 public:
  using Session_Manager::Session_Manager;

  void store(const Botan::TLS::Session&, const Botan::TLS::Session_Handle&) override {}
  std::size_t remove(const Botan::TLS::Session_Handle&) override { return 0; }
  std::size_t remove_all() override { return 0; }
  bool emits_session_tickets() override { return true; }

 protected:
  std::optional<Botan::TLS::Session> retrieve_one(const Botan::TLS::Session_Handle&) override {
    return std::nullopt;
  }
  std::vector<Botan::TLS::Session_with_Handle> find_some(const Botan::TLS::Server_Information&,
                                                         std::size_t) override {
    return {};
  }
};

/// A listener's: seals and opens. All connections that a Runtime accepts may share one.
class ListenerSessions final : public Sessions {
 public:
  ListenerSessions(std::shared_ptr<TicketKeys> keys, WallTime certificate_until,
                   const std::shared_ptr<Botan::RandomNumberGenerator>& random)
      : Sessions(random), keys_(std::move(keys)), certificate_until_(certificate_until) {}

  std::optional<Botan::TLS::Session_Handle> establish(
      const Botan::TLS::Session& session, const std::optional<Botan::TLS::Session_ID>& id,
      bool tls12_no_ticket) override;
  std::optional<Botan::TLS::Session> retrieve(const Botan::TLS::Session_Handle& handle,
                                              Botan::TLS::Callbacks& callbacks,
                                              const Botan::TLS::Policy& policy) override;
  std::optional<std::pair<Botan::TLS::Session, std::uint16_t>> choose_from_offered_tickets(
      const std::vector<Botan::TLS::PskIdentity>& tickets, std::string_view hash,
      Botan::TLS::Callbacks& callbacks, const Botan::TLS::Policy& policy) override;

 private:
  const std::shared_ptr<TicketKeys> keys_;
  const WallTime certificate_until_;
};

/// For what `runtime` accepts with `context`.
std::shared_ptr<Sessions> make_listener_sessions(Runtime& runtime, const Context& context);

/// A dialer's, for one connection: offers at most one ticket, and keeps those that it gets.
class DialerSessions final : public Sessions {
 public:
  /// The store outlives the connection.
  DialerSessions(TicketStore& store, std::string other_side,
                 const std::shared_ptr<Botan::RandomNumberGenerator>& random)
      : Sessions(random), store_(store), other_side_(std::move(other_side)) {}

  bool offered() const noexcept { return offered_; }
  /// The certificate was proved now, and is valid until then. Without this call, what the ticket
  /// that was offered says holds.
  void proved(WallTime now, WallTime valid_until) noexcept;
  /// The other side could not cope with what we offered: the next try is to be a full handshake.
  void forget();

  std::vector<Botan::TLS::Session_with_Handle> find(const Botan::TLS::Server_Information& server,
                                                    Botan::TLS::Callbacks& callbacks,
                                                    const Botan::TLS::Policy& policy) override;
  void store(const Botan::TLS::Session& session, const Botan::TLS::Session_Handle& handle) override;

 private:
  TicketStore& store_;
  const std::string other_side_;
  WallTime proved_until_{};
  int kept_ = 0;
  bool offered_ = false;
};

}  // namespace babilu::tls
