#include <algorithm>

#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/crypto/secret.h"
#include "core/tls/bound_later.h"
#include "core/tls/credentials.h"
#include "core/tls/tls_stream.h"
#include "tests/support/size.h"
#include "tests/unit/tls_support.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;
using namespace testing;
namespace error = boost::asio::error;

/// Two ends that have shaken hands; the raw ends' cable beside them.
struct Ends {
  net::StreamPtr server;
  net::StreamPtr client;
  std::shared_ptr<net::MemoryCable> cable;
};

Ends connected(Runtime& runtime, net::MemoryOptions options = {}) {
  net::MemoryPair pair = net::make_memory_pair(runtime, std::move(options));
  Outcome outcome;
  const Attempt attempt;
  runtime.run(try_handshake(runtime, std::move(pair.b), std::move(pair.a), attempt, outcome));
  return {std::move(outcome.server.value()), std::move(outcome.client.value()),
          std::move(pair.cable)};
}

task<> write_and_shut_down(net::Stream& stream, ByteView bytes) {
  EXPECT_EQ(co_await net::write_all(stream, bytes), error_code());
  stream.shutdown();
  EXPECT_EQ(co_await net::flush(stream), error_code());
}

task<> expect_all(net::Stream& stream, ByteView expected) {
  Bytes received;
  EXPECT_EQ(co_await read_to_end(stream, received), error::eof);
  EXPECT_TRUE(std::ranges::equal(received, expected));
}

task<> transfer_both_ways(Runtime& runtime, Ends& ends, ByteView up, ByteView down) {
  Scope scope(runtime);
  scope.spawn("up", write_and_shut_down(*ends.client, up));
  scope.spawn("down", write_and_shut_down(*ends.server, down));
  scope.spawn("at server", expect_all(*ends.server, up));
  scope.spawn("at client", expect_all(*ends.client, down));
  co_await scope.join();
}

task<> answer_after_the_end(Runtime& runtime, Ends& ends, ByteView question, ByteView answer) {
  co_await write_and_shut_down(*ends.client, question);
  co_await expect_all(*ends.server, question);
  std::uint8_t byte[1];
  EXPECT_EQ(ends.server->read_some(byte).error, error::eof) << "as often as it is asked";
  Scope scope(runtime);
  scope.spawn("answer", write_and_shut_down(*ends.server, answer));
  co_await expect_all(*ends.client, answer);
  co_await scope.join();
}

TEST(TlsStream, WhoEndsItsDirectionIsStillAnswered) {
  Runtime runtime;
  Ends ends = connected(runtime);
  const Bytes data = numbered(100 * 1024);
  runtime.run(answer_after_the_end(runtime, ends, ByteView(data).first(10), data));
}

TEST(TlsStream, CarriesAMegabyteBothWaysAtOnce) {
  Runtime runtime;
  Ends ends = connected(runtime);
  const Bytes data = numbered(1024 * 1024);
  runtime.run(transfer_both_ways(runtime, ends, data, ByteView(data).subspan(1)));
}

TEST(TlsStream, CarriesAMegabyteThroughATinyCapacityInSegmentsOfOneByte) {
  Runtime runtime;
  Ends ends = connected(runtime, {.capacity = 1000, .max_segment = 1});
  const Bytes data = numbered(1024 * 1024);
  runtime.run(transfer_both_ways(runtime, ends, data, ByteView(data).first(1000)));
}

TEST(TlsStream, EndsInOrderInEachDirectionByItself) {
  Runtime runtime;
  Ends ends = connected(runtime);
  const Bytes data = numbered(100);
  runtime.run(write_and_shut_down(*ends.client, data));
  runtime.run(expect_all(*ends.server, data));
  EXPECT_EQ(ends.client->write_some(data).error, error::broken_pipe);
  runtime.run(write_and_shut_down(*ends.server, data));
  runtime.run(expect_all(*ends.client, data));
}

TEST(TlsStream, CloseIsReadAsEof) {
  Runtime runtime;
  Ends ends = connected(runtime);
  ends.client.reset();
  runtime.run(expect_all(*ends.server, {}));
}

/// Passes bytes on, until `limit`; then ends, as if the network had. Changes the byte at `flip`.
struct Relay {
  std::size_t limit = SIZE_MAX;
  std::size_t flip = SIZE_MAX;
  std::size_t passed = 0;
};

task<> pass_on(net::Stream& from, net::Stream& to, Relay& relay) {
  std::uint8_t buffer[4096];
  for (;;) {
    net::Transfer got = from.read_some(buffer);
    if (got.error == error::would_block) got.error = co_await from.readable();
    if (got.error) break;
    const std::size_t size = std::min(got.bytes, relay.limit - relay.passed);
    if (relay.flip >= relay.passed && relay.flip < relay.passed + size) {
      buffer[relay.flip - relay.passed] ^= 1;
    }
    relay.passed += size;
    if (co_await net::write_all(to, ByteView(buffer).first(size))) break;
    if (relay.passed == relay.limit) break;
  }
  to.shutdown();
}

/// A client and a server with someone between who may change or end what the client sends.
struct Tampered {
  explicit Tampered(Runtime& runtime)
      : client_side(net::make_memory_pair(runtime)), server_side(net::make_memory_pair(runtime)) {}
  net::MemoryPair client_side;
  net::MemoryPair server_side;
  Relay up;
  Relay down;
};

task<> tampered_handshake(Runtime& runtime, Tampered& between, Outcome& outcome) {
  Scope scope(runtime);
  const Attempt attempt;
  scope.spawn("up", pass_on(*between.client_side.b, *between.server_side.a, between.up));
  scope.spawn("down", pass_on(*between.server_side.a, *between.client_side.b, between.down));
  co_await try_handshake(runtime, std::move(between.server_side.b),
                         std::move(between.client_side.a), attempt, outcome);
  co_await scope.close();
}

TEST(TlsStream, AHandshakeCutShortAnywhereFails) {
  Runtime runtime;
  Tampered whole(runtime);
  Outcome outcome;
  runtime.run(tampered_handshake(runtime, whole, outcome));
  ASSERT_TRUE(outcome.server && outcome.client);
  const std::size_t size = whole.up.passed;
  ASSERT_GT(size, 1000U);
  for (std::size_t limit = 0; limit < size; limit += 1 + size / 20) {
    Tampered cut(runtime);
    cut.up.limit = limit;
    Outcome failed;
    runtime.run(tampered_handshake(runtime, cut, failed));
    EXPECT_EQ(failed.server.error(), Error::closed_in_handshake) << limit;
  }
}

TEST(TlsStream, AHandshakeChangedAnywhereFails) {
  Runtime runtime;
  Tampered whole(runtime);
  Outcome outcome;
  runtime.run(tampered_handshake(runtime, whole, outcome));
  ASSERT_TRUE(outcome.server && outcome.client);
  // Not the first bytes: some of a plain record's header have no meaning (RFC 8446 §5.1).
  for (std::size_t flip = 5; flip < whole.down.passed; flip += 41) {
    Tampered changed(runtime);
    changed.down.flip = flip;
    Outcome failed;
    runtime.run(tampered_handshake(runtime, changed, failed));
    EXPECT_FALSE(failed.client) << flip;
  }
}

/// What comes of data that is sent through `between`; `then` counts from after the handshake.
struct Exchange {
  Relay then;
  Outcome outcome = {};
  Bytes received = {};
  error_code at_server = {};
  error_code at_client = {};
};
task<> exchange_through(Runtime& runtime, Tampered& between, ByteView data, Exchange& exchange) {
  Outcome& outcome = exchange.outcome;
  Scope scope(runtime);
  const Attempt attempt;
  scope.spawn("up", pass_on(*between.client_side.b, *between.server_side.a, between.up));
  scope.spawn("down", pass_on(*between.server_side.a, *between.client_side.b, between.down));
  co_await try_handshake(runtime, std::move(between.server_side.b),
                         std::move(between.client_side.a), attempt, outcome);
  between.up = exchange.then;
  EXPECT_EQ(co_await net::write_all(*outcome.client.value(), data), error_code());
  exchange.at_server = co_await read_to_end(*outcome.server.value(), exchange.received);
  Bytes nothing;
  if (exchange.at_server != Error::truncated) {
    exchange.at_client = co_await read_to_end(*outcome.client.value(), nothing);
  }
  co_await scope.close();
}

Exchange exchange(Runtime& runtime, const Relay& then, ByteView data) {
  Tampered between(runtime);
  Exchange result{.then = then};
  runtime.run(exchange_through(runtime, between, data, result));
  return result;
}

TEST(TlsStream, AChangedRecordIsNeverRead) {
  std::vector<std::size_t> flips{0, 1, 2, 5, 20, 120};
  if (test::long_run()) {
    // Not in the length: a longer record would be one that is still to come.
    for (std::size_t flip = 6; flip < 5 + 100 + 1 + 16; ++flip) flips.push_back(flip);
  }
  for (const std::size_t flip : flips) {
    Runtime runtime;
    const Exchange changed = exchange(runtime, {.flip = flip}, numbered(100));
    EXPECT_TRUE(changed.received.empty()) << flip;
    EXPECT_EQ(changed.at_server, flip < 5 ? Error::protocol_violation : Error::altered) << flip;
    EXPECT_EQ(changed.at_client, flip < 5 ? Error::we_were_refused : Error::altered) << flip;
    EXPECT_EQ((*changed.outcome.server)->write_some(numbered(1)).error, changed.at_server) << flip;
  }
}

TEST(TlsStream, AnEndWithoutNoticeIsNotTakenForTheEnd) {
  constexpr std::size_t record = 5 + 100 + 1 + 16;
  for (const std::size_t limit : {std::size_t{1}, std::size_t{60}, record}) {
    Runtime runtime;
    const Exchange cut = exchange(runtime, {.limit = limit}, numbered(100));
    EXPECT_EQ(cut.at_server, Error::truncated) << limit;
    EXPECT_EQ(cut.received.size(), limit == record ? 100U : 0U);
  }
}

TEST(TlsStream, ALostConnectionIsALostConnection) {
  Runtime runtime;
  Ends ends = connected(runtime);
  ends.cable->cut();
  Bytes received;
  EXPECT_EQ(run(runtime, read_to_end(*ends.server, received)), error::connection_reset);
  EXPECT_TRUE(ends.client->write_some(numbered(10)).bytes == 10);
  EXPECT_EQ(run(runtime, net::flush(*ends.client)), error::connection_reset);
}

TEST(TlsStream, ReadableReturnsAtOnceWhileThereIsPlaintext) {
  Runtime runtime;
  Ends ends = connected(runtime);
  EXPECT_EQ(ends.client->write_some(numbered(100)).bytes, 100U);
  EXPECT_EQ(run(runtime, ends.server->readable()), error_code());
  std::uint8_t byte[1];
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(run(runtime, ends.server->readable(runtime.now())), error_code()) << i;
    ASSERT_EQ(ends.server->read_some(byte).bytes, 1U);
    EXPECT_EQ(byte[0], numbered(100)[static_cast<std::size_t>(i)]);
  }
  EXPECT_EQ(ends.server->read_some(byte).error, error::would_block);
  EXPECT_EQ(run(runtime, ends.server->readable(runtime.now() + 1ms)), error::timed_out);
}

TEST(TlsStream, ReadsIntoTheScratchBuffer) {
  Runtime runtime;
  Ends ends = connected(runtime);
  const Bytes data = numbered(30000);
  EXPECT_EQ(ends.client->write_some(data).bytes, data.size());
  Bytes received;
  while (received.size() < data.size()) {
    ASSERT_EQ(run(runtime, ends.server->readable()), error_code());
    const net::Transfer got = ends.server->read_some(runtime.scratch());
    received.insert(received.end(), runtime.scratch().begin(),
                    runtime.scratch().begin() + static_cast<std::ptrdiff_t>(got.bytes));
  }
  EXPECT_EQ(received, data);
}

TEST(TlsStream, AWriteKeepsNoMoreThanOneBatch) {
  Runtime runtime;
  Ends ends = connected(runtime, {.capacity = 1000});
  const Bytes data = numbered(1024 * 1024);
  EXPECT_EQ(ends.client->write_some(data).bytes, 64U * 1024);
  EXPECT_TRUE(ends.client->unsent());
  const net::Transfer second = ends.client->write_some(data);
  EXPECT_EQ(second.bytes, 0U);
  EXPECT_EQ(second.error, error::would_block);
  EXPECT_EQ(run(runtime, ends.client->writable(runtime.now() + 1ms)), error::timed_out);
}

task<> flush_while_read(Runtime& runtime, Ends& ends, error_code& flushed) {
  Scope scope(runtime);
  scope.spawn("flush", store(net::flush(*ends.client), flushed));
  Bytes received(64 * 1024);
  EXPECT_EQ(co_await read_exactly(*ends.server, received), error_code());
  co_await scope.join();
  EXPECT_FALSE(ends.client->unsent());
}

TEST(TlsStream, FlushSendsWhatIsKept) {
  Runtime runtime;
  Ends ends = connected(runtime, {.capacity = 1000});
  EXPECT_EQ(ends.client->write_some(numbered(64 * 1024)).bytes, 64U * 1024);
  error_code flushed = error::fault;
  runtime.run(flush_while_read(runtime, ends, flushed));
  EXPECT_EQ(flushed, error_code());
}

TEST(TlsStream, NothingComesOfNothing) {
  Runtime runtime;
  Ends ends = connected(runtime);
  EXPECT_EQ(ends.client->write_some({}).error, error_code());
  EXPECT_EQ(ends.client->read_some({}).error, error_code());
  EXPECT_FALSE(ends.client->unsent());
}

TEST(TlsStream, AClosedStreamSaysSo) {
  Runtime runtime;
  Ends ends = connected(runtime);
  ends.client->close();
  std::uint8_t byte[1];
  EXPECT_EQ(ends.client->read_some(byte).error, error::bad_descriptor);
  EXPECT_EQ(ends.client->write_some(byte).error, error::bad_descriptor);
  EXPECT_EQ(run(runtime, ends.client->readable()), error::operation_aborted);
}

TEST(TlsStream, BothEndsBindToTheSameConnectionAndToNoOther) {
  Runtime runtime;
  const Ends one = connected(runtime);
  const Ends two = connected(runtime);
  const Secret binding = one.client->channel_binding("EXPORTER-Channel-Binding");
  EXPECT_EQ(binding.size(), 32U);
  EXPECT_EQ(one.server->channel_binding("EXPORTER-Channel-Binding"), binding);
  EXPECT_NE(one.server->channel_binding("EXPORTER-Other"), binding);
  EXPECT_NE(two.client->channel_binding("EXPORTER-Channel-Binding"), binding);
}

task<> bound_later(Runtime& runtime, net::MemoryPair& pair, Outcome& outcome) {
  struct Accept {
    static task<> run(Runtime& runtime, net::StreamPtr raw, Result<net::StreamPtr>& result) {
      result = co_await accept_bound_later(runtime, std::move(raw), no_deadline);
    }
  };
  Scope scope(runtime);
  scope.spawn("accept", Accept::run(runtime, std::move(pair.b), outcome.server));
  outcome.client = co_await connect_bound_later(runtime, std::move(pair.a), no_deadline);
  co_await scope.join();
}

TEST(TlsBoundLater, GivesABindingAndNoIdentity) {
  Runtime runtime;
  net::MemoryPair pair = net::make_memory_pair(runtime);
  Outcome outcome;
  runtime.run(bound_later(runtime, pair, outcome));
  ASSERT_TRUE(outcome.server && outcome.client);
  EXPECT_EQ(outcome.client.value()->peer().role, "");
  EXPECT_EQ(outcome.client.value()->channel_binding("x"),
            outcome.server.value()->channel_binding("x"));
  EXPECT_EQ(outcome.client.value()->channel_binding("x").size(), 32U);
}

/// Whoever sits between two strangers shakes hands with each, and cannot hide it.
TEST(TlsBoundLater, AManInTheMiddleHasTwoBindings) {
  Runtime runtime;
  net::MemoryPair left = net::make_memory_pair(runtime);
  net::MemoryPair right = net::make_memory_pair(runtime);
  Outcome to_left;
  Outcome to_right;
  runtime.run(bound_later(runtime, left, to_left));
  runtime.run(bound_later(runtime, right, to_right));
  ASSERT_TRUE(to_left.client && to_right.server);
  EXPECT_NE(to_left.client.value()->channel_binding("x"),
            to_right.server.value()->channel_binding("x"));
}

task<> accept_known(Runtime& runtime, net::MemoryPair& pair, Outcome& outcome) {
  struct Accept {
    static task<> run(Runtime& runtime, net::StreamPtr raw, Result<net::StreamPtr>& result) {
      result = co_await accept_bound_later(runtime, std::move(raw), no_deadline);
    }
  };
  Scope scope(runtime);
  const Attempt attempt;
  scope.spawn("accept", Accept::run(runtime, std::move(pair.b), outcome.server));
  outcome.client =
      co_await connect(runtime, std::move(pair.a), attempt.client, attempt.expected, no_deadline);
  co_await scope.join();
}

TEST(TlsBoundLater, IsRefusedByWhoeverExpectsACertificate) {
  Runtime runtime;
  net::MemoryPair pair = net::make_memory_pair(runtime);
  Outcome outcome;
  runtime.run(accept_known(runtime, pair, outcome));
  EXPECT_EQ(outcome.client.error(), Error::unknown_authority);
}

task<> shake(TlsStream& server, TlsStream& client, Runtime& runtime) {
  error_code served = error::fault;
  Scope scope(runtime);
  scope.spawn("server", store(server.handshake(no_deadline), served));
  EXPECT_EQ(co_await client.handshake(no_deadline), error_code());
  co_await scope.join();
  EXPECT_EQ(served, error_code());
}

task<> talk(TlsStream& from, TlsStream& to, int times) {
  Bytes received(100);
  for (int i = 0; i < times; ++i) {
    EXPECT_EQ(co_await net::write_all(from, numbered(100)), error_code());
    EXPECT_EQ(co_await read_exactly(to, received), error_code());
    EXPECT_EQ(received, numbered(100));
  }
}

TEST(TlsStream, KeysAreChangedBeforeTheyWearOut) {
  Runtime runtime;
  net::MemoryPair pair = net::make_memory_pair(runtime);
  const Attempt attempt;
  ChannelOptions options;
  options.context = attempt.server;
  options.credentials = attempt.server->parts().credentials;
  options.records_per_key = 3;
  TlsStream server(runtime, std::move(pair.b), options);
  options.dialer = true;
  options.context = attempt.client;
  options.credentials = attempt.client->parts().credentials;
  options.host = attempt.expected.host;
  options.role = attempt.expected.role;
  TlsStream client(runtime, std::move(pair.a), options);
  runtime.run(shake(server, client, runtime));
  runtime.run(talk(client, server, 20));
  runtime.run(talk(server, client, 20));
  EXPECT_EQ(client.info().key_updates, 6U);
  EXPECT_EQ(server.info().key_updates, 6U);
}

TEST(TlsStream, RecordsWithoutPlaintextAreCounted) {
  Runtime runtime;
  net::MemoryPair pair = net::make_memory_pair(runtime);
  const Attempt attempt;
  ChannelOptions options;
  options.context = attempt.server;
  options.credentials = attempt.server->parts().credentials;
  TlsStream server(runtime, std::move(pair.b), options);
  options.records_per_key = 1;
  options.dialer = true;
  options.context = attempt.client;
  options.credentials = attempt.client->parts().credentials;
  options.host = attempt.expected.host;
  options.role = attempt.expected.role;
  TlsStream client(runtime, std::move(pair.a), options);
  runtime.run(shake(server, client, runtime));
  std::uint32_t counted = 0;
  count_overhead(server, counted);
  for (int i = 0; i < 10; ++i) client.write_some(numbered(24));
  Bytes received(240);
  EXPECT_FALSE(run(runtime, read_exactly(server, received)));
  EXPECT_EQ(client.info().key_updates, 9u);
  EXPECT_EQ(counted, 18u) << "two for each";
  count_overhead(*net::make_memory_pair(runtime).a, counted);
}

}  // namespace
}  // namespace babilu::tls
