// Whatever comes in on the proxy's port: an answer where there can be one, the end of that
// connection only, and the stack serves on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/wire/envelope.pb.h"
#include "roles/api/echo.pb.h"
#include "roles/api/methods.h"
#include "roles/api/registry.pb.h"
#include "tests/integration/support/frames.h"
#include "tests/integration/support/raw_connection.h"
#include "tests/integration/support/rpc_client.h"

namespace babilu::testing {
namespace {

using rpc::Code;
using wire::Kind;

constexpr std::uint16_t echo_method = api::Echo::echo.traits.id;

/// Somebody who was there before, and whom nothing of this concerns.
class Bystander {
 public:
  explicit Bystander(const Stack& stack) : client_(stack) { expect_served("at first"); }

  void expect_served(std::string_view after) {
    api::EchoRequest request;
    request.set_payload("are you there?");
    const auto reply = client_.call(api::Echo::echo, request);
    ASSERT_TRUE(reply) << "after " << after << ": " << reply.error().to_string();
    EXPECT_EQ(reply->payload(), request.payload()) << "after " << after;
    EXPECT_EQ(client_.reconnects(), 0U) << "after " << after;
  }

 private:
  RpcClient client_;
};

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  unsigned state = 1;  // the same ones each time
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

const std::string http = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// The first bytes of a TLS connection: a record with a ClientHello, 1.0 on the outside.
const std::string client_hello("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03 and so on, and so on", 30);

TEST(Ports, WhatIsNotTlsEndsItsOwnConnection) {
  Stack stack;
  Bystander bystander(stack);
  const std::pair<std::string, std::string> cases[] = {
      {"HTTP", http},
      {"random bytes", random_bytes(5000)},
      {"a frame in plaintext", hello()},
      {"a malformed ClientHello", client_hello},
      {"nothing", ""},
  };
  for (const auto& [name, bytes] : cases) {
    RawConnection connection(stack.port());
    ASSERT_TRUE(connection.connected()) << name;
    connection.send(bytes);
    connection.finish();
    connection.read_to_end();
    bystander.expect_served(name);
  }
  EXPECT_TRUE(stack.proxy().says("speaks HTTP"));
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Ports, WhoIsSilentInTheHandshakeIsSentAway) {
  Stack stack({.proxy = {"--limits-handshake-timeout", "300ms"}});
  RawConnection silent(stack.port()), slow(stack.port());
  slow.send("\x16\x03");
  slow.read_to_end();
  silent.read_to_end();
  EXPECT_TRUE(stack.proxy().says("took too long"));
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Ports, FramesThatBreakTheProtocol) {
  Stack stack({.plaintext = true});
  Bystander bystander(stack);
  wire::Hello future;
  future.set_version_min(7);
  future.set_version_max(9);
  struct Case {
    std::string name;
    std::string bytes;
    Code code;
    std::string reason;
  };
  const Case cases[] = {
      {"HTTP", http, Code::invalid_argument, "bad_frame"},
      {"TLS", client_hello, Code::invalid_argument, "bad_frame"},
      {"an oversized frame", hello() + header_only({.size = 0xFFFFFFFF, .kind = Kind::ping}),
       Code::invalid_argument, "bad_frame"},
      {"a frame just too large",
       hello() +
           header_only({.size = wire::default_frame_limit + 1, .kind = Kind::request, .stream = 1}),
       Code::invalid_argument, "bad_frame"},
      {"an unknown kind", hello() + header_only({.kind = static_cast<Kind>(99)}),
       Code::invalid_argument, "bad_frame"},
      {"unknown flags", hello() + header_only({.kind = Kind::ping, .flags = 0x80}),
       Code::invalid_argument, "bad_frame"},
      {"metadata beyond the frame",
       hello() + header_only({.kind = Kind::request, .stream = 1, .meta = 9}),
       Code::invalid_argument, "bad_frame"},
      {"a request on stream 0", hello() + header_only({.kind = Kind::request, .stream = 0}),
       Code::invalid_argument, "bad_frame"},
      {"a stream of ours", hello() + request(echo_method, 2), Code::invalid_argument,
       "wrong_parity"},
      {"a reply to nothing", hello() + frame({.kind = Kind::reply, .stream = 2}),
       Code::invalid_argument, "unknown_stream"},
      {"no hello", request(echo_method, 1), Code::invalid_argument, "hello_expected"},
      {"a second hello", hello() + hello(), Code::invalid_argument, "second_hello"},
      {"a hello that is none", frame({.kind = Kind::hello}, "\xFF\xFF\xFF"), Code::invalid_argument,
       "bad_hello"},
      {"a version of the future", frame({.kind = Kind::hello}, future.SerializeAsString()),
       Code::failed_precondition, "no_common_version"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    RawConnection connection(stack.port());
    connection.send(c.bytes);
    connection.finish();
    const auto goaway = find(frames_of(connection.read_to_end()), Kind::goaway).status();
    EXPECT_EQ(goaway.code, c.code) << goaway.to_string();
    EXPECT_EQ(goaway.reason, c.reason) << goaway.to_string();
    bystander.expect_served(c.name);
  }
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Ports, RequestsThatMakeNoSenseFailAlone) {
  // What no backend offers is known once all have been up, and the proxy is ready with the first.
  Stack stack({.plaintext = true, .backends = 1});
  struct Case {
    std::string name;
    std::string bytes;
    Code code;
    std::string reason;
  };
  constexpr std::uint16_t sign_up = api::Registry::sign_up.traits.id;
  api::SignUpRequest invalid;
  invalid.set_name("ada");
  invalid.set_password("long enough");
  std::string not_utf8 = invalid.SerializeAsString();
  not_utf8[2] = '\xFF';
  wire::Metadata keyed;
  keyed.set_idempotency_key(std::string(32, 'k'));
  const std::string key = keyed.SerializeAsString();
  const Case cases[] = {
      {"an unknown service", request(0xEE01, 1), Code::unimplemented, ""},
      {"an unknown method", request(0x01EE, 3), Code::unimplemented, "unknown_method"},
      {"a message that is none", request(echo_method, 5, "\xFF\xFF"), Code::invalid_argument,
       "bad_message"},
      {"metadata that is none", request(echo_method, 7, "", "\xFF\xFF"), Code::invalid_argument,
       "bad_metadata"},
      {"a name that is no text", request(sign_up, 9, not_utf8, key), Code::invalid_argument,
       "bad_message"},
      {"no idempotency key", request(sign_up, 11, invalid.SerializeAsString()),
       Code::invalid_argument, "idempotency_key"},
      {"an empty name", request(sign_up, 13, "", key), Code::invalid_argument, "name_invalid"},
  };
  RawConnection connection(stack.port());
  connection.send(hello());
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    connection.send(c.bytes);
    std::string bytes;
    std::vector<Received> frames;
    while (std::ranges::none_of(frames, [](auto& f) { return f.header.kind == Kind::reply; })) {
      const std::string more = connection.read(1);
      ASSERT_FALSE(more.empty()) << "the connection ended";
      frames = frames_of(bytes += more);
    }
    const auto status = find(frames, Kind::reply).status();
    EXPECT_EQ(status.code, c.code) << status.to_string();
    if (!c.reason.empty()) {
      EXPECT_EQ(status.reason, c.reason) << status.to_string();
    }
  }
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Ports, HopDataIsNotBelievedFromAClient) {
  Stack stack({.plaintext = true});
  wire::Hop hop;
  hop.set_client_address("192.0.2.1:1");
  RawConnection connection(stack.port());
  connection.send(hello() + frame({.kind = Kind::request,
                                   .flags = wire::flags::end,
                                   .method = echo_method,
                                   .stream = 1,
                                   .value = 10'000},
                                  "", "", hop.SerializeAsString()));
  connection.finish();
  const auto frames = frames_of(connection.read_to_end());
  const bool refused = std::ranges::any_of(frames, [](const Received& received) {
    const bool last_word =
        received.header.kind == Kind::reply || received.header.kind == Kind::goaway;
    return last_word && !received.status().ok();
  });
  EXPECT_TRUE(refused);
  EXPECT_EQ(stack.trouble(), "");
}

TEST(Ports, HalfAFrameKeepsNobodyWaiting) {
  Stack stack({.plaintext = true});
  Bystander bystander(stack);
  RawConnection cut(stack.port()), slow(stack.port());
  slow.send(hello().substr(0, 10));
  cut.send(hello() + request(echo_method, 1, std::string(1000, 'x')).substr(0, 100));
  cut.finish();
  cut.read_to_end();
  bystander.expect_served("half a frame");
  const auto goaway = find(frames_of(slow.read_to_end()), Kind::goaway).status();
  EXPECT_EQ(goaway.code, Code::deadline_exceeded);
  EXPECT_EQ(goaway.reason, "no_hello");
  bystander.expect_served("a slow header");
  EXPECT_EQ(stack.trouble(), "");
}

}  // namespace
}  // namespace babilu::testing
