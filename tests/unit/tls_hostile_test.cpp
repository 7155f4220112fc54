#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/tls/sniff.h"
#include "tests/unit/tls_raw_client.h"
#include "tests/unit/tls_support.h"

namespace babilu::tls {
namespace {

using namespace testing;
namespace error = boost::asio::error;
using namespace std::string_literals;

/// Ends a hang.
constexpr Clock::duration patience = std::chrono::seconds(20);

/// The first frame of a client that does not know that TLS is wanted.
std::string plaintext_hello() {
  std::string frame(24, '\0');
  frame[0] = 10;
  return frame + "0123456789";
}

task<> accept_into(Runtime& runtime, net::StreamPtr end, std::string client_role,
                   Result<net::StreamPtr>& result) {
  result = co_await accept(runtime, std::move(end), Attempt().server, std::move(client_role),
                           runtime.now() + patience);
}

task<> connect_into(Runtime& runtime, net::StreamPtr end, Result<net::StreamPtr>& result) {
  const Attempt attempt;
  result = co_await connect(runtime, std::move(end), attempt.client, attempt.expected,
                            runtime.now() + patience);
}

/// One of our ends meets somebody who says `bytes` and then listens.
struct Meeting {
  Result<net::StreamPtr> ours = Error::internal;
  Bytes answer = {};
  error_code ended = {};
};
task<> meet(Runtime& runtime, std::string_view bytes, bool we_dial, Meeting& meeting) {
  net::MemoryPair pair = net::make_memory_pair(runtime, {.max_segment = 5});
  Scope scope(runtime);
  if (we_dial) {
    scope.spawn("connect", connect_into(runtime, std::move(pair.b), meeting.ours));
  } else {
    scope.spawn("accept", accept_into(runtime, std::move(pair.b), "", meeting.ours));
  }
  EXPECT_EQ(co_await net::write_all(*pair.a, bytes_of(bytes)), error_code());
  meeting.ended = co_await read_to_end(*pair.a, meeting.answer);
  pair.a->close();
  co_await scope.join();
}
Meeting meet(std::string_view bytes, bool we_dial = false) {
  Runtime runtime;
  Meeting meeting;
  runtime.run(meet(runtime, bytes, we_dial, meeting));
  return meeting;
}

bool ends_with_alert(const Bytes& answer) {
  return answer.size() >= 7 && answer[answer.size() - 7] == 21 && answer[answer.size() - 2] == 2;
}

TEST(TlsHostile, PlaintextBabiluIsToldApart) {
  const Meeting meeting = meet(plaintext_hello());
  EXPECT_EQ(meeting.ours.error(), Error::plaintext_babilu);
  EXPECT_EQ(meeting.ended, error::eof);
  EXPECT_TRUE(ends_with_alert(meeting.answer)) << "the client's decoder recognises TLS by it";
}

TEST(TlsHostile, HttpGetsAnAnswerThatItUnderstands) {
  const Meeting meeting = meet("GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(meeting.ours.error(), Error::http);
  EXPECT_TRUE(text_of(meeting.answer).starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(meeting.ended, error::eof);
}

TEST(TlsHostile, RandomBytesAreNotTls) {
  for (const std::string& bytes :
       {"\x80\x2e\x01\x00\x02"s, "SSH-2.0-x\r\n"s, std::string(100, '\xff'),
        "\x16\x02\x01\x00\x05xxxxx"s, "GEX / HTTP"s, "\0\0\0\1\0\0\0\0"s}) {
    const Meeting meeting = meet(bytes);
    EXPECT_EQ(meeting.ours.error(), Error::not_tls) << bytes;
    EXPECT_TRUE(ends_with_alert(meeting.answer));
  }
}

TEST(TlsHostile, ADialerSeesWhatItHasReached) {
  EXPECT_EQ(meet("HTTP/1.1 400 Bad Request\r\n\r\n", true).ours.error(), Error::http);
  EXPECT_EQ(meet(plaintext_hello(), true).ours.error(), Error::plaintext_babilu);
  EXPECT_EQ(meet("220 mail ESMTP\r\n", true).ours.error(), Error::not_tls);
}

TEST(TlsHostile, ADialerDoesNotAnswerLikeAWebServer) {
  EXPECT_FALSE(text_of(meet("HTTP/1.1 400 Bad Request\r\n\r\n", true).answer).find("HTTP") !=
               std::string_view::npos);
}

TEST(TlsHostile, NonsenseInRecordsOfTlsBreaksTheRules) {
  const std::string alert_that_is_none = "\x15\x03\x01\x00\x02\xff\xff"s;
  const std::string unknown_message = "\x16\x03\x01\x00\x05\x63\x00\x00\x01\x00"s;
  const std::string short_hello = "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"s;
  const std::string data_first = "\x16\x03\x01\x00\x00"s;
  const std::string too_long = "\x16\x03\x01\xff\xff\x01\x00"s;
  for (const std::string& bytes :
       {alert_that_is_none, unknown_message, short_hello, data_first, too_long}) {
    const Meeting meeting = meet(bytes);
    EXPECT_FALSE(meeting.ours);
    EXPECT_NE(meeting.ours.error(), Error::internal) << bytes;
    EXPECT_EQ(meeting.ours.error().category(), error_category());
  }
}

TEST(TlsHostile, AnEndlessHandshakeMessageIsCutOff) {
  std::string bytes = "\x16\x03\x01\x40\x00\x01\xff\xff\xff"s + std::string(16380, 'x');
  bytes += "\x16\x03\x01\x40\x00"s + std::string(16384, 'x');
  const Meeting meeting = meet(bytes);
  EXPECT_EQ(meeting.ours.error(), Error::protocol_violation);
}

/// A raw client against our listener, up to where both are done.
struct RawAttempt {
  RawPolicy policy = {};
  std::vector<std::string> protocols = {"babilu/1"};
  Result<net::StreamPtr> server = Error::internal;
};
task<> try_raw(Runtime& runtime, RawAttempt& attempt) {
  net::MemoryPair pair = net::make_memory_pair(runtime);
  RawClient client(runtime, attempt.policy, attempt.protocols);
  Scope scope(runtime);
  scope.spawn("accept", accept_into(runtime, std::move(pair.b), "", attempt.server));
  co_await send_out(*pair.a, client);
  co_await take_flight(*pair.a, client);
  co_await send_out(*pair.a, client);
  if (!client.client().is_handshake_complete()) pair.a->close();
  co_await scope.join();
}

TEST(TlsHostile, AClientWithoutOurProtocolIsRefused) {
  for (const std::vector<std::string>& protocols :
       {std::vector<std::string>{}, {"h2", "http/1.1"}, {"babilu/2"}}) {
    Runtime runtime;
    RawAttempt attempt{.protocols = protocols};
    runtime.run(try_raw(runtime, attempt));
    EXPECT_EQ(attempt.server.error(), Error::no_common_protocol);
  }
}

TEST(TlsHostile, OurProtocolAmongOthersIsEnough) {
  Runtime runtime;
  RawAttempt attempt{.protocols = {"h2", "babilu/1"}};
  runtime.run(try_raw(runtime, attempt));
  ASSERT_TRUE(attempt.server) << attempt.server.error().message();
  EXPECT_EQ(info(*attempt.server.value()).group, "x25519") << "the only group that this client has";
}

TEST(TlsHostile, Tls12IsRefused) {
  // The hello of RFC 5246 §7.4.1.2 with one suite and no extensions.
  const std::string hello = "\x03\x03"s + std::string(32, 'r') + "\x00\x00\x02\xc0\x2b\x01\x00"s;
  const std::string message = "\x01\x00\x00"s + static_cast<char>(hello.size()) + hello;
  const Meeting meeting = meet("\x16\x03\x01\x00"s + static_cast<char>(message.size()) + message);
  EXPECT_EQ(meeting.ours.error(), Error::old_version);
  EXPECT_TRUE(ends_with_alert(meeting.answer));
}

TEST(TlsHostile, OtherGroupsAreRefused) {
  Runtime runtime;
  RawAttempt attempt;
  attempt.policy.groups = {Botan::TLS::Group_Params::FFDHE_2048,
                           Botan::TLS::Group_Params::SECP384R1};
  runtime.run(try_raw(runtime, attempt));
  EXPECT_EQ(attempt.server.error(), Error::no_common_algorithms);
}

task<> data_before_proof(Runtime& runtime, Result<net::StreamPtr>& server) {
  net::MemoryPair pair = net::make_memory_pair(runtime);
  RawClient client(runtime, RawPolicy(), {"babilu/1"});
  Scope scope(runtime);
  scope.spawn("accept", accept_into(runtime, std::move(pair.b), "proxy", server));
  co_await send_out(*pair.a, client);
  co_await take_flight(*pair.a, client);
  EXPECT_TRUE(client.client().is_handshake_complete());
  client.out = seal_first_record(client.secrets.at("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), "attack");
  co_await send_out(*pair.a, client);
  Bytes answer;
  co_await read_to_end(*pair.a, answer);
  pair.a->close();
  co_await scope.join();
}

/// CVE-2026-34582: Botan 3.7 decrypts such a record and hands it on.
TEST(TlsHostile, DataBeforeTheClientsCertificateIsRefused) {
  Runtime runtime;
  Result<net::StreamPtr> server = Error::internal;
  runtime.run(data_before_proof(runtime, server));
  EXPECT_EQ(server.error(), Error::protocol_violation);
}

task<> flood(Runtime& runtime, int updates, bool with_data, error_code& ended, Bytes& received) {
  net::MemoryPair pair = net::make_memory_pair(runtime);
  RawClient client(runtime, RawPolicy(), {"babilu/1"});
  Result<net::StreamPtr> server = Error::internal;
  Scope scope(runtime);
  scope.spawn("accept", accept_into(runtime, std::move(pair.b), "", server));
  co_await send_out(*pair.a, client);
  co_await take_flight(*pair.a, client);
  co_await send_out(*pair.a, client);
  co_await scope.join();
  for (int i = 0; i < updates; ++i) {
    client.client().update_traffic_keys(true);
    if (with_data && i % 100 == 0) client.client().send("x");
  }
  client.client().close();
  scope.spawn("send", send_out(*pair.a, client));
  ended = co_await read_to_end(*server.value(), received);
  server.value()->close();
  co_await scope.join();
}

TEST(TlsHostile, AFloodOfKeyUpdatesIsCutOff) {
  Runtime runtime;
  error_code ended;
  Bytes received;
  runtime.run(flood(runtime, 4000, false, ended, received));
  EXPECT_EQ(ended, Error::protocol_violation);
}

TEST(TlsHostile, KeyUpdatesBetweenDataAreFine) {
  Runtime runtime;
  error_code ended;
  Bytes received;
  runtime.run(flood(runtime, 4000, true, ended, received));
  EXPECT_EQ(ended, error::eof);
  EXPECT_EQ(received.size(), 40U);
}

TEST(TlsSniff, WaitsForEnoughToTell) {
  const std::string hello = plaintext_hello();
  for (std::size_t size = 0; size < sniff_bytes; ++size) {
    EXPECT_FALSE(sniff(bytes_of(std::string_view(hello).substr(0, size)))) << size;
  }
  EXPECT_FALSE(sniff(bytes_of("GET")));
  EXPECT_FALSE(sniff(bytes_of("\x16\x03")));
  EXPECT_EQ(sniff(bytes_of("\x16\x03\x01")), error_code());
  EXPECT_EQ(sniff(bytes_of("\x15\x03\x03")), error_code());
}

TEST(TlsSniff, AHelloAsLongAsARecordsHeaderSaysIsAHello) {
  std::string hello = plaintext_hello();
  hello[0] = 0x16;
  hello[1] = 0x03;
  EXPECT_EQ(sniff(bytes_of(hello)), error_code(Error::plaintext_babilu));
}

TEST(TlsError, EachHasASentenceOfItsOwn) {
  std::map<std::string, int> seen;
  for (int value = 1; value <= static_cast<int>(Error::internal); ++value) {
    const std::string message = error_category().message(value);
    EXPECT_GT(message.size(), 20U) << value;
    EXPECT_EQ(seen.count(message), 0U) << value << " and " << seen[message];
    seen[message] = value;
  }
  EXPECT_EQ(error_category().message(0), "unknown TLS error");
}

}  // namespace
}  // namespace babilu::tls
