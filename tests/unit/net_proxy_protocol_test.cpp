// The header that a load balancer puts in front of a connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/net/memory.h"
#include "core/net/proxy_protocol.h"
#include "core/sim/world.h"

namespace babilu::net {
namespace {

using namespace std::chrono_literals;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string header(char command, char family, const std::string& body) {
  return signature + command + family + static_cast<char>(body.size() >> 8) +
         static_cast<char>(body.size() & 0xFF) + body;
}

const std::string v4("\xC0\x00\x02\x07\x0A\x00\x00\x01\x30\x39\x1C\xE8", 12);

struct Outcome {
  std::string address;
  std::string rest;
};

task<> read_one(Runtime& runtime, std::string sent, std::size_t segment, Outcome& outcome) {
  MemoryPair pair = make_memory_pair(runtime, {.max_segment = segment});
  co_await write_all(*pair.a, bytes_of(sent));
  pair.a->shutdown();
  const auto read = co_await read_proxy_header(*pair.b, runtime.now() + 1s);
  if (!read) {
    outcome.address = read.error().message();
    co_return;
  }
  outcome.address = *read ? (*read)->to_string() : "itself";
  Bytes rest(100);
  const Transfer got = pair.b->read_some(rest);
  outcome.rest.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(got.bytes));
}

Outcome read(const std::string& sent, std::size_t segment = 0) {
  sim::World world(1);
  Outcome outcome;
  world.run(read_one(world.runtime(), sent, segment, outcome));
  return outcome;
}

TEST(ProxyProtocol, NamesTheClientAndTakesNoByteMore) {
  for (const std::size_t segment : {0, 1, 5}) {
    const auto outcome = read(header('\x21', '\x11', v4) + "hello", segment);
    EXPECT_EQ(outcome.address, "192.0.2.7:12345");
    if (segment == 0) EXPECT_EQ(outcome.rest, "hello");
  }
  EXPECT_EQ(read(header('\x21', '\x11',
                        v4 + std::string("\x04\x00\x03"
                                         "abc",
                                         6)) +
                 "x")
                .rest,
            "x");
  std::string v6(32, '\0');
  v6[0] = '\x20';
  v6[1] = '\x01';
  v6[15] = '\x09';
  EXPECT_EQ(read(header('\x21', '\x21', v6 + std::string("\x00\x50\x00\x51", 4))).address,
            "[2001::9]:80");
}

TEST(ProxyProtocol, ABalancerMaySpeakForItself) {
  EXPECT_EQ(read(header('\x20', '\x00', "")).address, "itself");
  EXPECT_EQ(read(header('\x21', '\x31', std::string(216, 'x'))).address, "itself");  // AF_UNIX
}

TEST(ProxyProtocol, RefusesWhatItIsNot) {
  using ::testing::HasSubstr;
  EXPECT_THAT(read("PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n").address, HasSubstr("send-proxy-v2"));
  EXPECT_THAT(read(std::string(64, '\x16')).address, HasSubstr("send-proxy-v2"));
  EXPECT_THAT(read(header('\x31', '\x11', v4)).address, HasSubstr("version 2"));
  EXPECT_THAT(read(header('\x22', '\x11', v4)).address, HasSubstr("malformed"));
  EXPECT_THAT(read(header('\x21', '\x11', v4.substr(1))).address, HasSubstr("malformed"));
  EXPECT_THAT(read(header('\x21', '\x11', std::string(4000, 'x'))).address, HasSubstr("too long"));
  EXPECT_THAT(read(signature.substr(0, 5)).address, HasSubstr("End of file"));
}

task<> read_open_end(Runtime& runtime, std::string sent, std::size_t segment,
                     std::string& outcome) {
  MemoryPair pair = make_memory_pair(runtime, {.max_segment = segment});
  co_await write_all(*pair.a, bytes_of(sent));
  const auto began = runtime.now();
  const auto read = co_await read_proxy_header(*pair.b, began + 1s);
  outcome = read ? "a header" : read.error().message();
  if (runtime.now() >= began + 1s) outcome = "waited in vain: " + outcome;
}

/// What is said of a sender that waits for an answer.
std::string read_unfinished(const std::string& sent, std::size_t segment = 0) {
  sim::World world(1);
  std::string outcome;
  world.run(read_open_end(world.runtime(), sent, segment, outcome));
  return outcome;
}

TEST(ProxyProtocol, Version1IsNamedAtOnce) {
  using ::testing::HasSubstr;
  using ::testing::StartsWith;
  // Shorter than the fixed part of version 2; no byte more comes before an answer.
  for (const std::size_t segment : {0, 1}) {
    EXPECT_THAT(read_unfinished("PROXY UNKNOWN\r\n", segment),
                AllOf(StartsWith("a PROXY protocol header of version 1"), HasSubstr("version 2"),
                      HasSubstr("send-proxy-v2")));
  }
  EXPECT_THAT(read_unfinished("PROXY "), HasSubstr("version 1 came"));
  EXPECT_THAT(read_unfinished("PRO"), StartsWith("waited in vain"));
  EXPECT_THAT(read_unfinished("PROPFIND / HTTP/1.1\r\n"), StartsWith("no PROXY protocol header"));
  EXPECT_THAT(read_unfinished("\x16"), StartsWith("no PROXY protocol header"));
  EXPECT_THAT(read_unfinished(signature), StartsWith("waited in vain"));
  EXPECT_THAT(read_unfinished(signature + '\x11'), StartsWith("no PROXY protocol header"));
}

}  // namespace
}  // namespace babilu::net
