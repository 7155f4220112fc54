#include "tests/unit/tls_resumption.h"
#include <boost/asio/error.hpp>

#include "core/tls/bound_later.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;
using namespace testing;

TEST_F(TlsResumption, TheSecondConnectionResumesTheFirst) {
  const Outcome first = connect();
  const Outcome second = connect();
  EXPECT_FALSE(resumed(*first.client.value()) || resumed(*first.server.value()));
  EXPECT_TRUE(resumed(*second.client.value()) && resumed(*second.server.value()));
}

TEST_F(TlsResumption, AResumedConnectionPromisesTheSame) {
  const Outcome first = connect();
  const Outcome second = connect();
  EXPECT_EQ(second.client.value()->peer().role, "proxy");
  EXPECT_EQ(second.server.value()->peer().role, "");
  EXPECT_EQ(info(*second.client.value()).cipher, info(*first.client.value()).cipher);
  EXPECT_EQ(info(*second.client.value()).group, "x25519/ML-KEM-768") << "keys are exchanged anew";
  const Secret binding = second.client.value()->channel_binding("EXPORTER-test");
  EXPECT_FALSE(binding.empty());
  EXPECT_EQ(binding, second.server.value()->channel_binding("EXPORTER-test"));
  EXPECT_NE(binding, first.client.value()->channel_binding("EXPORTER-test"));
}

TEST_F(TlsResumption, EachTicketIsUsedOnceAndBringsAnother) {
  EXPECT_FALSE(resumes());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(held(), 1U);
    EXPECT_TRUE(resumes());
  }
  attempt.client->parts().tickets->forget(other_side);
  EXPECT_FALSE(resumes());
}

/// The server says nothing, and only waits for what the client says.
task<> listen_only(Runtime& runtime, const Attempt& attempt) {
  net::MemoryPair pair = net::make_memory_pair(runtime);
  Outcome outcome;
  co_await try_handshake(runtime, std::move(pair.b), std::move(pair.a), attempt, outcome);
  const error_code waited = co_await outcome.server.value()->readable(runtime.now() + 1s);
  EXPECT_EQ(waited, boost::asio::error::timed_out);
  EXPECT_FALSE(outcome.server.value()->unsent());
  std::uint8_t byte;
  EXPECT_EQ(outcome.client.value()->read_some({&byte, 1}).error, boost::asio::error::would_block);
}

TEST_F(TlsResumption, ATicketComesEvenIfNothingElseDoes) {
  world.run(listen_only(world.runtime(), attempt));
  EXPECT_EQ(held(), 1U);
}

TEST_F(TlsResumption, ATicketThatWasChangedIsNotTaken) {
  connect();
  change_ticket([](HeldTicket& ticket) {
    auto bytes = ticket.handle.ticket()->get();
    bytes[bytes.size() / 2] ^= 1;
    ticket.handle = Botan::TLS::Session_Ticket(bytes);
  });
  EXPECT_FALSE(resumes());
  EXPECT_TRUE(resumes()) << "the full handshake brought a good one";
}

TEST_F(TlsResumption, ATicketIsGoodForTwoHours) {
  connect();
  pass(ticket_lifetime - 1min);
  EXPECT_TRUE(resumes());
  pass(ticket_lifetime + 1min);
  EXPECT_FALSE(resumes());
}

TEST_F(TlsResumption, AServerBelievesNoClientThatATicketIsYoung) {
  const WallTime begin = now();
  connect();
  pass(ticket_lifetime + 1min);
  auto ticket = attempt.client->parts().tickets->take(other_side, begin);
  ASSERT_TRUE(ticket);
  const Botan::TLS::Session& old = ticket->session;
  ticket->session = Botan::TLS::Session(old.master_secret(), std::nullopt, old.session_age_add(),
                                        24h, old.version(), old.ciphersuite_code(), old.side(), {},
                                        nullptr, old.server_info(), now());
  attempt.client->parts().tickets->keep(other_side, std::move(*ticket));
  EXPECT_FALSE(resumes());
}

TEST_F(TlsResumption, AnotherProcessTakesNoTicketOfOurs) {
  connect();
  attempt.server = load();
  EXPECT_FALSE(resumes());
}

TEST_F(TlsResumption, AReloadKeepsTicketsWithTheSameCertificateOnly) {
  connect();
  attempt.server = load(attempt.server);
  EXPECT_TRUE(resumes());
  make_certificates(true);
  attempt.server = load(attempt.server);
  attempt.client = Context::load({.authority = stack / "ca.pem"}, now(), attempt.client).value();
  EXPECT_EQ(held(), 0U);
  EXPECT_FALSE(resumes());
}

TEST_F(TlsResumption, AServerWithANewCertificateTakesNoOldTicket) {
  connect();
  const auto trusted = attempt.client;
  make_certificates(true);
  attempt.server = load(attempt.server);
  Outcome outcome;
  world.run(talk(world.runtime(), attempt, outcome));
  EXPECT_EQ(outcome.client.error(), Error::unknown_authority) << "it had to prove it";
}

TEST_F(TlsResumption, ATicketIsOfferedToTheSameHostAndRoleOnly) {
  connect();
  attempt.expected.host = "127.0.0.1";
  EXPECT_FALSE(resumes());
  attempt.expected.host = "localhost";
  EXPECT_TRUE(resumes());
  attempt.expected.role = "backend";
  Outcome outcome;
  world.run(talk(world.runtime(), attempt, outcome));
  EXPECT_EQ(outcome.client.error(), Error::wrong_role);
}

TEST_F(TlsResumption, ATicketIsOfTheContextThatItCameTo) {
  connect();
  attempt.client = Context::load({.authority = stack / "ca.pem"}, now()).value();
  EXPECT_FALSE(resumes());
}

TEST_F(TlsResumption, TheCertificateIsProvedOnceADay) {
  EXPECT_FALSE(resumes());
  for (int hour = 1; hour < 24; ++hour) {
    pass(1h);
    EXPECT_TRUE(resumes()) << hour;
  }
  pass(1h);
  EXPECT_FALSE(resumes());
  pass(1h);
  EXPECT_TRUE(resumes());
}

TEST_F(TlsResumption, NothingIsResumedBeyondTheCertificate) {
  pass(24h * 365 - 3h);
  EXPECT_FALSE(resumes());
  EXPECT_TRUE(resumes());
  pass(90min);
  EXPECT_TRUE(resumes());
  EXPECT_EQ(held(), 0U) << "the next ticket would outlive it";
  pass(2h);
  Outcome outcome;
  world.run(talk(world.runtime(), attempt, outcome));
  EXPECT_EQ(outcome.client.error(), Error::expired);
}

TEST_F(TlsResumption, AClientForgetsWhatTheCertificateNoLongerProves) {
  connect();
  change_ticket([&](HeldTicket& ticket) { ticket.proved_until = now(); });
  EXPECT_FALSE(resumes());
}

TEST_F(TlsResumption, BetweenServicesCertificatesAreProvedEachTime) {
  attempt.server =
      Context::load(
          {stack / "backend/certificate.pem", stack / "backend/key.pem", stack / "ca.pem"}, now())
          .value();
  attempt.client = load();
  attempt.client_role = "proxy";
  attempt.expected.role = "backend";
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(resumes());
    EXPECT_EQ(held(), 0U);
  }
}

TEST_F(TlsResumption, AServerThatAsksForACertificateTakesNoTicket) {
  connect();
  attempt.client_role = "proxy";
  Outcome outcome;
  world.run(talk(world.runtime(), attempt, outcome));
  EXPECT_EQ(outcome.server.error(), Error::no_certificate);
}

task<> talk_bound_later(Runtime& runtime, Outcome& outcome) {
  struct Accept {
    static task<> run(Runtime& runtime, net::StreamPtr end, Result<net::StreamPtr>& result) {
      result = co_await accept_bound_later(runtime, std::move(end), no_deadline);
    }
  };
  net::MemoryPair pair = net::make_memory_pair(runtime);
  Scope scope(runtime);
  scope.spawn("accept", Accept::run(runtime, std::move(pair.b), outcome.server));
  outcome.client = co_await connect_bound_later(runtime, std::move(pair.a), no_deadline);
  co_await scope.join();
}

TEST_F(TlsResumption, StrangersDoNotResume) {
  for (int i = 0; i < 2; ++i) {
    Outcome outcome;
    world.run(talk_bound_later(world.runtime(), outcome));
    EXPECT_FALSE(resumed(*outcome.server.value()) || resumed(*outcome.client.value()));
  }
}

/// A client whose ticket binds to another secret, as if it had stolen the ticket alone.
TEST_F(TlsResumption, ATicketWithoutItsSecretIsWorthNothing) {
  connect();
  change_ticket([](HeldTicket& ticket) {
    ticket.session = Botan::TLS::Session(
        Secret(48, 1), std::nullopt, 0, ticket.session.lifetime_hint(), ticket.session.version(),
        ticket.session.ciphersuite_code(), ticket.session.side(), {}, nullptr,
        ticket.session.server_info(), ticket.session.start_time());
  });
  Outcome outcome;
  world.run(talk(world.runtime(), attempt, outcome));
  EXPECT_EQ(outcome.server.error(), Error::altered);
  EXPECT_FALSE(outcome.client);
  EXPECT_EQ(held(), 0U) << "the next try is to be a full handshake";
  EXPECT_FALSE(resumes());
}

}  // namespace
}  // namespace babilu::tls
