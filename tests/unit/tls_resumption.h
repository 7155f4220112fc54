#pragma once

#include <functional>

#include <gtest/gtest.h>

#include "core/sim/world.h"
#include "core/tls/certificates.h"
#include "core/tls/credentials.h"
#include "tests/unit/tls_support.h"

/// What the tests of resumption share.
namespace babilu::tls::testing {

/// What the server says brings the client its ticket.
inline task<> talk(Runtime& runtime, const Attempt& attempt, Outcome& outcome) {
  net::MemoryPair pair = net::make_memory_pair(runtime);
  co_await try_handshake(runtime, std::move(pair.b), std::move(pair.a), attempt, outcome);
  if (!outcome.server || !outcome.client) co_return;
  const Bytes sent = numbered(100);
  Bytes received(sent.size());
  EXPECT_EQ(co_await net::write_all(*outcome.server.value(), sent), error_code());
  EXPECT_EQ(co_await read_exactly(*outcome.client.value(), received), error_code());
  EXPECT_EQ(received, sent);
  EXPECT_EQ(co_await net::write_all(*outcome.client.value(), sent), error_code());
  EXPECT_EQ(co_await read_exactly(*outcome.server.value(), received), error_code());
}

/// One proxy and one client that connects again and again, in a world whose time we set.
class TlsResumption : public ::testing::Test {
 protected:
  TlsResumption() {
    make_certificates(false);
    attempt.server = load();
    attempt.client = Context::load({.authority = stack / "ca.pem"}, now()).value();
  }

  WallTime now() { return world.runtime().clock().wall(); }
  void pass(Clock::duration time) {
    world.run(world.runtime().sleep_for(time), std::chrono::hours(24 * 400));
  }
  void make_certificates(bool renew) {
    const auto problem = create_development_certificates({.directory = stack, .renew = renew},
                                                         world.runtime().random(), now());
    if (problem) throw std::runtime_error(problem->to_string());
  }
  ContextPtr load(const ContextPtr& previous = nullptr) {
    return Context::load(
               {stack / "proxy/certificate.pem", stack / "proxy/key.pem", stack / "ca.pem"}, now(),
               previous)
        .value();
  }

  Outcome connect() {
    Outcome outcome;
    world.run(talk(world.runtime(), attempt, outcome));
    EXPECT_TRUE(outcome.server) << outcome.server.error().message();
    EXPECT_TRUE(outcome.client) << outcome.client.error().message();
    return outcome;
  }
  /// Both ends must agree about it.
  bool resumes() {
    const Outcome outcome = connect();
    if (!outcome.server || !outcome.client) return false;
    EXPECT_EQ(resumed(*outcome.server.value()), resumed(*outcome.client.value()));
    return resumed(*outcome.client.value());
  }
  std::size_t held() const { return attempt.client->parts().tickets->size(); }
  /// Takes the client's ticket, and puts back what becomes of it.
  void change_ticket(const std::function<void(HeldTicket&)>& change) {
    TicketStore& store = *attempt.client->parts().tickets;
    auto ticket = store.take(other_side, now());
    ASSERT_TRUE(ticket);
    change(*ticket);
    store.keep(other_side, std::move(*ticket));
  }

  /// What its tickets are kept under: the host dialed, its role, the address reached.
  const std::string other_side = "localhost proxy b:2";
  TemporaryDirectory directory;
  const std::filesystem::path stack = directory.path() / "stack";
  sim::World world{1};
  Attempt attempt;
};

}  // namespace babilu::tls::testing
