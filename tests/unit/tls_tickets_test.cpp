#include "core/tls/tickets.h"

#include <gtest/gtest.h>

#include <botan/tls_callbacks.h>
#include <botan/tls_psk_identity_13.h>
#include <botan/tls_version.h>
#include "core/crypto/random.h"
#include "core/tls/credentials.h"
#include "core/tls/sessions.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;

const WallTime begin = WallTime() + 24h * 365 * 60;
constexpr std::uint16_t aes_256_gcm_sha384 = 0x1302;

Botan::TLS::Session session_at(WallTime time, std::chrono::seconds lifetime = ticket_lifetime) {
  return {Secret(48, 7),
          std::nullopt,
          1,
          lifetime,
          Botan::TLS::Protocol_Version::TLS_V13,
          aes_256_gcm_sha384,
          Botan::TLS::Connection_Side::Server,
          {},
          nullptr,
          Botan::TLS::Server_Information("proxy"),
          time};
}

class TlsTicketKeys : public ::testing::Test {
 protected:
  Botan::TLS::Session_Ticket sealed_at(WallTime time) {
    return keys.seal(session_at(time), WallTime::max(), crypto::system_random()).value();
  }
  bool opens(const Botan::TLS::Session_Ticket& ticket, WallTime now) {
    return keys.open(ticket, now).has_value();
  }

  TicketKeys keys;
};

TEST_F(TlsTicketKeys, OpenWhatTheySealed) {
  const auto session = keys.open(sealed_at(begin), begin);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->master_secret(), Secret(48, 7));
  EXPECT_FALSE(session->supports_early_data());
}

TEST_F(TlsTicketKeys, AreNeverTheSameTwice) {
  EXPECT_NE(sealed_at(begin), sealed_at(begin));
}

TEST_F(TlsTicketKeys, ATicketEndsAfterTwoHours) {
  const auto ticket = sealed_at(begin);
  EXPECT_TRUE(opens(ticket, begin + ticket_lifetime));
  EXPECT_FALSE(opens(ticket, begin + ticket_lifetime + 1s));
}

TEST_F(TlsTicketKeys, ATicketOutlivesTheChangeOfKeys) {
  (void)sealed_at(begin);
  const auto ticket = sealed_at(begin + 59min);
  for (const auto later : {1h, 2h}) (void)sealed_at(begin + later);
  EXPECT_TRUE(opens(ticket, begin + 2h + 58min));
}

TEST_F(TlsTicketKeys, AKeyIsGoneWhenItsTicketsAre) {
  const auto ticket = sealed_at(begin);
  EXPECT_FALSE(opens(ticket, begin + ticket_key_period + ticket_lifetime));
  EXPECT_FALSE(opens(ticket, begin)) << "only the key, not the time, is in the way";
}

TEST_F(TlsTicketKeys, AClockSetBackDoesNotProlongThem) {
  const auto ticket = sealed_at(begin);
  EXPECT_TRUE(opens(ticket, begin - 30s)) << "other threads may be a little behind";
  EXPECT_FALSE(opens(ticket, begin - 24h));
  EXPECT_TRUE(opens(sealed_at(begin - 24h), begin - 24h)) << "with a new key";
}

TEST_F(TlsTicketKeys, NoTicketOutlivesTheCertificate) {
  const auto until = begin + 3h;
  Random& random = crypto::system_random();
  EXPECT_TRUE(keys.seal(session_at(until - ticket_lifetime), until, random));
  EXPECT_FALSE(keys.seal(session_at(until - ticket_lifetime + 1s), until, random));
  EXPECT_FALSE(keys.seal(session_at(until + 1h), until, random));
}

TEST_F(TlsTicketKeys, AChangedTicketIsNone) {
  const auto good = sealed_at(begin);
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto changed = good;
    changed.get()[i] ^= 1;
    EXPECT_FALSE(opens(changed, begin)) << i;
  }
  for (std::size_t size = 1; size < good.size(); size += 7) {
    const std::vector<std::uint8_t> cut(good.get().begin(),
                                        good.get().begin() + std::ptrdiff_t(size));
    EXPECT_FALSE(opens(Botan::TLS::Session_Ticket(cut), begin)) << size;
  }
}

TEST_F(TlsTicketKeys, OthersCannotOpenIt) {
  TicketKeys others;
  (void)others.seal(session_at(begin), WallTime::max(), crypto::system_random());
  EXPECT_FALSE(others.open(sealed_at(begin), begin));
}

class Silent final : public Botan::TLS::Callbacks {
  void tls_emit_data(std::span<const std::uint8_t>) override {}
  void tls_record_received(std::uint64_t, std::span<const std::uint8_t>) override {}
  void tls_alert(Botan::TLS::Alert) override {}
  WallTime tls_current_timestamp() override { return begin; }
};

TEST_F(TlsTicketKeys, OfManyThatAreOfferedFewAreLookedAt) {
  const std::shared_ptr<Random> random(std::shared_ptr<void>(), &crypto::system_random());
  const std::shared_ptr<TicketKeys> ours(std::shared_ptr<void>(), &keys);
  ListenerSessions sessions(ours, WallTime::max(), random);
  Silent callbacks;
  const Botan::TLS::PskIdentity good(sealed_at(begin).get(), 0);
  const Botan::TLS::PskIdentity bad(std::vector<std::uint8_t>(200, 1), 0);
  const auto chosen = [&](const std::vector<Botan::TLS::PskIdentity>& offered) {
    return sessions.choose_from_offered_tickets(offered, "SHA-384", callbacks,
                                                *connection_policy(Use::gives_tickets));
  };
  EXPECT_EQ(chosen({good})->second, 0U);
  EXPECT_EQ(chosen({bad, good})->second, 1U);
  EXPECT_FALSE(chosen({bad, bad, good}));
  EXPECT_FALSE(chosen({}));
}

class TlsTicketStore : public ::testing::Test {
 protected:
  static HeldTicket held(WallTime time, WallTime proved_until = WallTime::max(),
                         std::chrono::seconds lifetime = ticket_lifetime) {
    return {session_at(time, lifetime), Botan::TLS::Session_Ticket(std::vector<std::uint8_t>{1}),
            proved_until};
  }

  TicketStore store;
};

TEST_F(TlsTicketStore, GivesEachOnceTheNewestFirst) {
  store.keep("a", held(begin));
  store.keep("a", held(begin + 1min));
  EXPECT_EQ(store.take("a", begin + 1min)->session.start_time(), begin + 1min);
  EXPECT_EQ(store.take("a", begin + 1min)->session.start_time(), begin);
  EXPECT_FALSE(store.take("a", begin + 1min));
}

TEST_F(TlsTicketStore, TellsOtherSidesApart) {
  store.keep("a", held(begin));
  EXPECT_FALSE(store.take("b", begin));
  store.forget("b");
  EXPECT_TRUE(store.take("a", begin));
}

TEST_F(TlsTicketStore, GivesNoneThatIsOver) {
  store.keep("a", held(begin));
  EXPECT_FALSE(store.take("a", begin + ticket_lifetime + 1s));
  store.keep("a", held(begin, WallTime::max(), 60s));
  EXPECT_FALSE(store.take("a", begin + 61s)) << "as the server said";
  store.keep("a", held(begin, WallTime::max(), 24h));
  EXPECT_FALSE(store.take("a", begin + 3h)) << "whatever the server said";
  store.keep("a", held(begin, begin + 1min));
  EXPECT_FALSE(store.take("a", begin + 1min)) << "no certificate proves it any more";
  EXPECT_EQ(store.size(), 0U);
}

TEST_F(TlsTicketStore, IsBounded) {
  for (std::size_t i = 0; i <= TicketStore::capacity; ++i)
    store.keep(std::to_string(i), held(begin));
  EXPECT_EQ(store.size(), TicketStore::capacity);
  EXPECT_FALSE(store.take("0", begin));
  EXPECT_TRUE(store.take("1", begin));
}

TEST_F(TlsTicketStore, AServerCannotFillItOnOneConnection) {
  const std::shared_ptr<Random> random(std::shared_ptr<void>(), &crypto::system_random());
  DialerSessions sessions(store, "a", random);
  sessions.proved(begin, WallTime::max());
  for (int i = 0; i < 100; ++i) {
    sessions.store(session_at(begin), Botan::TLS::Session_Ticket(std::vector<std::uint8_t>{1}));
  }
  EXPECT_LE(store.size(), 2U);
}

}  // namespace
}  // namespace babilu::tls
