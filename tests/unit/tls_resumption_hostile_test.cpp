#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include <botan/tls_session_manager_memory.h>
#include "tests/unit/tls_raw_client.h"
#include "tests/unit/tls_resumption.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;
using namespace testing;
namespace error = boost::asio::error;

/// One connection of a raw client, and what came of it.
struct Try {
  RawPolicy policy = {};
  std::string then = {};  ///< sent right behind the hello
  bool resumed = false;
  bool early_data_granted = false;
  Bytes received = {};
  Result<net::StreamPtr> server = Error::internal;
};

/// A raw client with what it got on its first connection.
class TlsResumptionHostile : public TlsResumption {
 protected:
  static task<> accept_into(Runtime& runtime, net::StreamPtr end, ContextPtr context,
                            Result<net::StreamPtr>& result) {
    result = co_await accept(runtime, std::move(end), std::move(context), "", runtime.now() + 20s);
  }
  task<> run(Try& tried) {
    Runtime& runtime = world.runtime();
    net::MemoryPair pair = net::make_memory_pair(runtime);
    RawClient client(runtime, tried.policy, {"babilu/1"}, sessions);
    Scope scope(runtime);
    scope.spawn("accept", accept_into(runtime, std::move(pair.b), attempt.server, tried.server));
    const ByteView then = bytes_of(tried.then);
    client.out.insert(client.out.end(), then.begin(), then.end());
    const auto& talker = client.client();
    for (int flights = 0; flights < 2 && !talker.is_handshake_complete(); ++flights) {
      co_await send_out(*pair.a, client);
      co_await take_some(*pair.a, client);
    }
    co_await send_out(*pair.a, client);
    if (!client.client().is_handshake_complete()) pair.a->close();
    co_await scope.join();
    if (!tried.server) co_return;
    co_await net::write_all(*tried.server.value(), bytes_of("x"));
    co_await take_some(*pair.a, client);
    tried.resumed = resumed(*tried.server.value());
    tried.early_data_granted = client.early_data_granted;
    client.client().close();
    co_await send_out(*pair.a, client);
    co_await read_to_end(*tried.server.value(), tried.received);
  }
  /// What is there now; waits for a little of it.
  static task<> take_some(net::Stream& stream, RawClient& client) {
    std::uint8_t buffer[4096];
    if (!client.out.empty()) co_return;
    for (;;) {
      const net::Transfer got = stream.read_some(buffer);
      try {
        client.client().received_data(buffer, got.bytes);
      } catch (const std::exception&) {
        co_return;
      }
      if (got.error && got.error != error::would_block) co_return;
      if (got.bytes > 0 && (client.client().is_handshake_complete() || !client.out.empty())) {
        co_return;
      }
      if (got.error && co_await stream.readable()) co_return;
    }
  }
  Try again(Try tried = {}) {
    world.run(run(tried));
    return tried;
  }

  std::shared_ptr<Botan::TLS::Session_Manager> sessions =
      std::make_shared<Botan::TLS::Session_Manager_In_Memory>(
          std::shared_ptr<Random>(std::shared_ptr<void>(), &world.runtime().random()));
};

TEST_F(TlsResumptionHostile, OtherClientsResumeToo) {
  EXPECT_FALSE(again().resumed);
  EXPECT_TRUE(again().resumed);
}

TEST_F(TlsResumptionHostile, ATicketSurvivesARetryOfTheHello) {
  again();
  Try retried;
  retried.policy.groups = {Botan::TLS::Group_Params::SECP384R1, Botan::TLS::Group_Params::X25519};
  EXPECT_TRUE(again(std::move(retried)).resumed);
}

TEST_F(TlsResumptionHostile, DataBehindTheHelloIsNeverRead) {
  again();
  Try early;
  early.policy.early_data = true;
  early.then = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
  const Try tried = again(std::move(early));
  EXPECT_FALSE(tried.server) << "a client that sends it has not read its ticket";
  EXPECT_TRUE(tried.received.empty());
}

TEST_F(TlsResumptionHostile, EarlyDataIsNotGranted) {
  EXPECT_FALSE(again().early_data_granted) << "with the ticket";
  Try early;
  early.policy.early_data = true;
  const Try tried = again(std::move(early));
  EXPECT_TRUE(tried.resumed);
  EXPECT_FALSE(tried.early_data_granted);
}

}  // namespace
}  // namespace babilu::tls
