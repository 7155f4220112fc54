#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/tls/credentials.h"
#include "core/tls/security.h"
#include "tests/unit/tls_support.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;
using namespace testing;
namespace error = boost::asio::error;

/// A proxy dials a backend: both show certificates.
Attempt between_services() {
  return {.server = make_context({.names = backend_names()}),
          .client = make_context({.names = proxy_names()}),
          .client_role = "proxy",
          .expected = {"backend-a", "backend"}};
}

task<> connect_and_read(Runtime& runtime, net::StreamPtr end, const Attempt& attempt,
                        error_code& result) {
  const auto stream =
      co_await connect(runtime, std::move(end), attempt.client, attempt.expected, no_deadline);
  Bytes nothing;
  result = stream ? co_await read_to_end(*stream.value(), nothing) : stream.error();
  EXPECT_TRUE(nothing.empty());
}

task<> accept_only(Runtime& runtime, net::StreamPtr end, const Attempt& attempt,
                   error_code& result) {
  result =
      (co_await accept(runtime, std::move(end), attempt.server, attempt.client_role, no_deadline))
          .error();
}

/// A server that refuses the client's certificate, which the client learns when it reads.
struct Refusal {
  error_code server;
  error_code client;
};
task<> try_refusal(Runtime& runtime, const Attempt& attempt, Refusal& refusal) {
  net::MemoryPair pair = net::make_memory_pair(runtime);
  Scope scope(runtime);
  scope.spawn("server", accept_only(runtime, std::move(pair.b), attempt, refusal.server));
  scope.spawn("client", connect_and_read(runtime, std::move(pair.a), attempt, refusal.client));
  co_await scope.join();
}
Refusal refusal_of(const Attempt& attempt) {
  Runtime runtime;
  Refusal refusal;
  runtime.run(try_refusal(runtime, attempt, refusal));
  return refusal;
}

task<> echo(net::Stream& from, net::Stream& to) {
  const Bytes sent = numbered(1000);
  Bytes received(sent.size());
  EXPECT_EQ(co_await net::write_all(from, sent), error_code());
  EXPECT_EQ(co_await read_exactly(to, received), error_code());
  EXPECT_EQ(received, sent);
}

TEST(TlsHandshake, AClientAndAProxyTalk) {
  Runtime runtime;
  const Outcome outcome = handshake(runtime, Attempt());
  ASSERT_TRUE(outcome.server) << outcome.server.error().message();
  ASSERT_TRUE(outcome.client) << outcome.client.error().message();
  runtime.run(echo(*outcome.client.value(), *outcome.server.value()));
  runtime.run(echo(*outcome.server.value(), *outcome.client.value()));
  EXPECT_EQ(outcome.client.value()->peer().role, "proxy");
  EXPECT_EQ(outcome.server.value()->peer().role, "") << "a client shows no certificate";
  EXPECT_EQ(outcome.client.value()->remote().host, "b");
}

TEST(TlsHandshake, PrefersThePostQuantumGroup) {
  Runtime runtime;
  const Outcome outcome = handshake(runtime, Attempt());
  ASSERT_TRUE(outcome.server && outcome.client);
  for (const net::StreamPtr& end :
       {std::cref(outcome.server.value()), std::cref(outcome.client.value())}) {
    EXPECT_EQ(info(*end).group, "x25519/ML-KEM-768");
    EXPECT_EQ(info(*end).cipher, "AES_256_GCM_SHA384");
  }
}

TEST(TlsHandshake, BothSidesProveTheirRoles) {
  Runtime runtime;
  const Outcome outcome = handshake(runtime, between_services());
  ASSERT_TRUE(outcome.server) << outcome.server.error().message();
  ASSERT_TRUE(outcome.client) << outcome.client.error().message();
  EXPECT_EQ(outcome.server.value()->peer().role, "proxy");
  EXPECT_EQ(outcome.client.value()->peer().role, "backend");
  runtime.run(echo(*outcome.client.value(), *outcome.server.value()));
  runtime.run(echo(*outcome.server.value(), *outcome.client.value()));
}

TEST(TlsHandshake, EveryListedNameIsAccepted) {
  for (const char* host : {"localhost", "LOCALHOST", "127.0.0.1", "::1", "proxy"}) {
    Runtime runtime;
    Attempt attempt;
    attempt.expected.host = host;
    const Outcome outcome = handshake(runtime, attempt);
    EXPECT_TRUE(outcome.client) << host << ": " << outcome.client.error().message();
  }
}

TEST(TlsHandshake, AnotherNameIsRefused) {
  for (const char* host : {"elsewhere", "127.0.0.2", "::2", "localhost.example", "calhost"}) {
    Runtime runtime;
    Attempt attempt;
    attempt.expected.host = host;
    const Outcome outcome = handshake(runtime, attempt);
    EXPECT_EQ(outcome.client.error(), Error::wrong_name) << host;
    EXPECT_EQ(outcome.server.error(), Error::we_are_untrusted) << host;
  }
}

TEST(TlsHandshake, AnotherAuthorityIsRefused) {
  Runtime runtime;
  Attempt attempt;
  attempt.server = make_context({.names = proxy_names(), .issuer = &other_authority()});
  const Outcome outcome = handshake(runtime, attempt);
  EXPECT_EQ(outcome.client.error(), Error::unknown_authority);
  EXPECT_EQ(outcome.server.error(), Error::we_are_untrusted);
}

TEST(TlsHandshake, AnAuthorityThatOnlyHasTheSameNameIsRefused) {
  Runtime runtime;
  const Issued namesake = issue_authority("ours", valid_now(), runtime.random());
  Attempt attempt;
  attempt.server = make_context({.names = proxy_names(), .issuer = &namesake});
  EXPECT_EQ(handshake(runtime, attempt).client.error(), Error::unknown_authority);
}

TEST(TlsHandshake, ACertificateCannotIssueOthers) {
  Runtime runtime;
  const Issued service = issue(our_authority(), proxy_names(), valid_now(), runtime.random());
  Attempt attempt;
  attempt.server = make_context({.names = proxy_names(), .issuer = &service});
  EXPECT_EQ(handshake(runtime, attempt).client.error(), Error::unknown_authority);
}

TEST(TlsHandshake, ASelfSignedCertificateIsRefused) {
  Runtime runtime;
  Attempt attempt;
  auto parts = std::make_unique<Context::Parts>();
  parts->credentials = make_ephemeral_credentials(runtime.random(), today());
  attempt.server = std::make_shared<const Context>(std::move(parts));
  EXPECT_EQ(handshake(runtime, attempt).client.error(), Error::unknown_authority);
}

TEST(TlsHandshake, AnExpiredCertificateIsRefused) {
  Runtime runtime;
  Attempt attempt;
  attempt.server =
      make_context({.names = proxy_names(), .validity = {today() - 48h, today() - 1h}});
  const Outcome outcome = handshake(runtime, attempt);
  EXPECT_EQ(outcome.client.error(), Error::expired);
  EXPECT_EQ(outcome.server.error(), Error::we_are_expired);
}

TEST(TlsHandshake, ACertificateOfTheFutureIsRefused) {
  Runtime runtime;
  Attempt attempt;
  attempt.server =
      make_context({.names = proxy_names(), .validity = {today() + 1h, today() + 20h}});
  EXPECT_EQ(handshake(runtime, attempt).client.error(), Error::not_yet_valid);
}

TEST(TlsHandshake, ABackendCannotPoseAsAProxy) {
  Runtime runtime;
  Attempt attempt;
  attempt.server = make_context({.names = backend_names()});
  const Outcome outcome = handshake(runtime, attempt);
  EXPECT_EQ(outcome.client.error(), Error::wrong_role);
  EXPECT_EQ(outcome.server.error(), Error::we_have_wrong_role);
}

TEST(TlsHandshake, ABackendCannotDialAsAProxy) {
  Attempt attempt = between_services();
  attempt.client = make_context({.names = backend_names()});
  const Refusal refusal = refusal_of(attempt);
  EXPECT_EQ(refusal.server, Error::wrong_role);
  EXPECT_EQ(refusal.client, Error::we_have_wrong_role);
}

TEST(TlsHandshake, ACertificateWithoutARoleIsRefused) {
  Attempt attempt = between_services();
  attempt.client = make_context({.names = Names{{"localhost"}, ""}});
  EXPECT_EQ(refusal_of(attempt).server, Error::wrong_role);
}

TEST(TlsHandshake, AClientWithoutCertificateIsRefusedWhereOneIsNeeded) {
  Attempt attempt = between_services();
  attempt.client = make_context({});
  const Refusal refusal = refusal_of(attempt);
  EXPECT_EQ(refusal.server, Error::no_certificate);
  EXPECT_EQ(refusal.client, Error::we_sent_no_certificate);
}

TEST(TlsHandshake, AClientOfAnotherAuthorityIsRefusedWhereOneIsNeeded) {
  Attempt attempt = between_services();
  attempt.client = make_context({.names = proxy_names(), .issuer = &other_authority()});
  const Refusal refusal = refusal_of(attempt);
  EXPECT_EQ(refusal.server, Error::unknown_authority);
  EXPECT_EQ(refusal.client, Error::we_are_untrusted);
}

TEST(TlsHandshake, NobodyDialsWithoutExpectingANameAndARole) {
  for (const Expected& expected :
       {Expected{"", "proxy"}, Expected{"localhost", ""}, Expected{"local host", "proxy"}}) {
    Runtime runtime;
    Attempt attempt;
    attempt.expected = expected;
    const Outcome outcome = handshake(runtime, attempt);
    EXPECT_EQ(outcome.client.error(), boost::system::errc::invalid_argument);
    EXPECT_EQ(outcome.server.error(), Error::closed_in_handshake);
  }
}

TEST(TlsHandshake, NobodyAcceptsWithoutACertificate) {
  Runtime runtime;
  Attempt attempt;
  attempt.server = make_context({});
  EXPECT_EQ(handshake(runtime, attempt).server.error(), Error::no_own_certificate);
}

TEST(TlsHandshake, OneContextServesSeveralThreads) {
  const Attempt attempt = between_services();
  std::atomic<int> succeeded = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      Runtime runtime;
      for (int i = 0; i < 5; ++i) {
        const Outcome outcome = handshake(runtime, attempt);
        if (outcome.server && outcome.client) ++succeeded;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(succeeded, 20);
}

TEST(TlsHandshake, SeveralThreadsShareTickets) {
  const Attempt attempt;
  std::atomic<int> succeeded = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      Runtime runtime;
      for (int i = 0; i < 10; ++i) {
        const Outcome outcome = handshake(runtime, attempt);
        if (!outcome.server || !outcome.client) continue;
        // The ticket comes with it.
        runtime.run(echo(*outcome.server.value(), *outcome.client.value()));
        if (resumed(*outcome.client.value())) ++succeeded;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(succeeded, 36) << "each thread's first handshake may be full";
  EXPECT_EQ(attempt.client->parts().tickets->size(), 40U - static_cast<unsigned>(succeeded));
}

task<> silent_peer(Runtime& runtime, bool dial, error_code& result) {
  net::MemoryPair pair = net::make_memory_pair(runtime);
  const Attempt attempt;
  const Deadline deadline = runtime.now() + 5ms;
  task<Result<net::StreamPtr>> wait =
      dial ? connect(runtime, std::move(pair.a), attempt.client, attempt.expected, deadline)
           : accept(runtime, std::move(pair.a), attempt.server, "", deadline);
  const auto stream = co_await std::move(wait);
  result = stream.error();
}

TEST(TlsHandshake, EndsAtItsDeadline) {
  for (const bool dial : {false, true}) {
    Runtime runtime;
    error_code result;
    runtime.run(silent_peer(runtime, dial, result));
    EXPECT_EQ(result, Error::handshake_timed_out);
  }
}

task<> cut_cable(Runtime& runtime, Outcome& outcome) {
  net::MemoryPair pair = net::make_memory_pair(runtime, {.latency = 1ms});
  const auto cable = pair.cable;
  Scope scope(runtime);
  const Attempt attempt;
  scope.spawn("handshake",
              try_handshake(runtime, std::move(pair.b), std::move(pair.a), attempt, outcome));
  co_await runtime.yield();
  co_await runtime.yield();
  cable->cut();
  co_await scope.join();
}

TEST(TlsHandshake, ALostConnectionIsSaidSo) {
  Runtime runtime;
  Outcome outcome;
  runtime.run(cut_cable(runtime, outcome));
  EXPECT_EQ(outcome.server.error(), error::connection_reset);
  EXPECT_EQ(outcome.client.error(), error::connection_reset);
}

TEST(TlsHandshake, PassesOnAnyStreamWithTinyCapacityAndSegments) {
  Runtime runtime;
  const Outcome outcome = handshake(runtime, between_services(), {.capacity = 7, .max_segment = 1});
  EXPECT_TRUE(outcome.server) << outcome.server.error().message();
  EXPECT_TRUE(outcome.client) << outcome.client.error().message();
}

task<> secure(Runtime& runtime, net::Security& server, net::Security& client, bool& both) {
  net::MemoryPair pair = net::make_memory_pair(runtime);
  struct Accept {
    static task<> run(net::Security& security, net::StreamPtr raw, Deadline deadline, bool& done) {
      const auto stream = co_await security.accept(std::move(raw), deadline);
      done = stream.has_value();
    }
  };
  const Deadline deadline = runtime.now() + 20s;
  bool accepted = false;
  Scope scope(runtime);
  scope.spawn("accept", Accept::run(server, std::move(pair.b), deadline, accepted));
  const auto dialed = co_await client.dial(std::move(pair.a), {"backend-a", 1}, deadline);
  co_await scope.join();
  both = accepted && dialed.has_value();
}

TEST(TlsSecurity, DialsTheHostAndChecksTheRoles) {
  const Attempt attempt = between_services();
  for (const char* role : {"backend", "proxy"}) {
    Runtime runtime;
    const auto server = make_security(runtime, attempt.server, {.dialed = "", .accepted = "proxy"});
    const auto client = make_security(runtime, attempt.client, {.dialed = role, .accepted = ""});
    bool both = false;
    runtime.run(secure(runtime, *server, *client, both));
    EXPECT_EQ(both, std::string_view(role) == "backend");
    EXPECT_TRUE(server->encrypted());
  }
}

}  // namespace
}  // namespace babilu::tls
