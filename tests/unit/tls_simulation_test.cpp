#include <gtest/gtest.h>

#include "core/sim/world.h"
#include "core/tls/certificates.h"
#include "tests/unit/tls_support.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;
using namespace testing;

/// A proxy that listens on host "proxy", and a client elsewhere, in a world from a seed.
class Simulated {
 public:
  explicit Simulated(std::uint64_t seed) : world(seed) {
    const auto stack = directory.path() / "stack";
    const auto now = world.runtime().clock().wall();
    const auto problem = create_development_certificates({.directory = stack, .hosts = {"proxy"}},
                                                         world.runtime().random(), now);
    if (problem) throw std::runtime_error(problem->to_string());
    server = Context::load({stack / "proxy/certificate.pem", stack / "proxy/key.pem"}, now).value();
    client = Context::load({.authority = stack / "ca.pem"}, now).value();
  }

  task<> try_handshake(Outcome& outcome, Clock::duration patience) {
    Runtime& runtime = world.runtime();
    auto listener = world.host("proxy").listen({"proxy", 7400}).value();
    auto raw = co_await world.host("client").connect({"proxy", 7400}, runtime.now() + patience);
    auto accepted = co_await listener->accept();
    if (partitioned) world.partition("client", "proxy");
    Attempt attempt{.server = server, .client = client, .expected = {"proxy", "proxy"}};
    co_await run_both(runtime, std::move(accepted.value()), std::move(raw.value()), attempt,
                      outcome, runtime.now() + patience);
  }

  static task<> run_both(Runtime& runtime, net::StreamPtr server_end, net::StreamPtr client_end,
                         const Attempt& attempt, Outcome& outcome, Deadline deadline) {
    struct Accept {
      static task<> run(Runtime& runtime, net::StreamPtr end, const Attempt& attempt,
                        Deadline deadline, Result<net::StreamPtr>& result) {
        result = co_await accept(runtime, std::move(end), attempt.server, "", deadline);
      }
    };
    Scope scope(runtime);
    scope.spawn("accept",
                Accept::run(runtime, std::move(server_end), attempt, deadline, outcome.server));
    outcome.client = co_await connect(runtime, std::move(client_end), attempt.client,
                                      attempt.expected, deadline);
    co_await scope.join();
  }

  Outcome handshake(Clock::duration patience = 10s) {
    Outcome outcome;
    world.run(try_handshake(outcome, patience));
    return outcome;
  }

  TemporaryDirectory directory;
  sim::World world;
  ContextPtr server;
  ContextPtr client;
  bool partitioned = false;
};

Secret binding_from(std::uint64_t seed) {
  Simulated simulated(seed);
  const Outcome outcome = simulated.handshake();
  return outcome.client.value()->channel_binding("EXPORTER-test");
}

TEST(TlsSimulation, TheSameSeedGivesTheSameConnection) {
  EXPECT_EQ(binding_from(1), binding_from(1));
  EXPECT_NE(binding_from(1), binding_from(2));
}

TEST(TlsSimulation, AHandshakeThroughAPartitionEndsAtItsDeadline) {
  Simulated simulated(3);
  simulated.partitioned = true;
  const auto begin = simulated.world.runtime().now();
  const Outcome outcome = simulated.handshake();
  EXPECT_EQ(outcome.server.error(), Error::handshake_timed_out);
  EXPECT_EQ(outcome.client.error(), Error::handshake_timed_out);
  const auto took = simulated.world.runtime().now() - begin;
  EXPECT_GE(took, 10s);
  EXPECT_LT(took, 11s);
}

task<> sleep(Runtime& runtime, Clock::duration time) {
  co_await runtime.sleep_for(time);
}

TEST(TlsSimulation, CertificatesExpireByTheWorldsClock) {
  Simulated simulated(4);
  EXPECT_TRUE(simulated.handshake().client);
  simulated.world.run(sleep(simulated.world.runtime(), 24h * 364), 24h * 400);
  EXPECT_TRUE(simulated.handshake().client);
  simulated.world.run(sleep(simulated.world.runtime(), 24h * 2), 24h * 400);
  EXPECT_EQ(simulated.handshake().client.error(), Error::expired);
}

}  // namespace
}  // namespace babilu::tls
