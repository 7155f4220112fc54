// Addresses as people write them, and writes that take more than one step.
#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/net/address.h"
#include "core/net/memory.h"
#include "core/net/stream.h"
#include "core/runtime/runtime.h"
#include "core/sim/world.h"

namespace babilu::net {
namespace {

using namespace std::chrono_literals;

std::string parsed(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? address->host + " " + std::to_string(address->port) : "-";
}

TEST(Address, IsAHostAndAPort) {
  EXPECT_EQ(parsed("127.0.0.1:7400"), "127.0.0.1 7400");
  EXPECT_EQ(parsed("backend-a:7401"), "backend-a 7401");
  EXPECT_EQ(parsed("[::1]:7400"), "::1 7400");
  EXPECT_EQ(parsed("host:0"), "host 0");
  EXPECT_EQ(parsed("host:65535"), "host 65535");
  EXPECT_EQ(parsed(std::string(253, 'a') + ":1").size(), 255u);
}

TEST(Address, LocalhostIsThatHoweverItIsWritten) {
  for (const char* text : {"localhost:1", "LOCALHOST:1", "LocalHost.:1", "localhost.:1"}) {
    EXPECT_EQ(parsed(text), "localhost 1") << text;
  }
  for (const char* text : {"localhost..:1", "localhos:1", "localhost.example:1", "xlocalhost:1"}) {
    EXPECT_NE(parsed(text), "localhost 1") << text;
  }
}

TEST(Address, AnythingElseIsNone) {
  for (const char* text : {"", "host", "host:", ":7400", "[]:7400", "::1:7400", "host:65536",
                           "host:-1", "host:+1", "host:74x0", "host:7400 ", "host: 7400"}) {
    EXPECT_EQ(parsed(text), "-") << text;
  }
  EXPECT_EQ(parsed(std::string(254, 'a') + ":1"), "-");
}

TEST(Address, IsWrittenAsItIsRead) {
  for (const char* text : {"127.0.0.1:7400", "[::1]:7400", "backend-a:7401"}) {
    EXPECT_EQ(Address::parse(text)->to_string(), text);
  }
}

TEST(Address, KnowsWhatStaysOnThisMachine) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(Address::parse(text)->is_loopback()) << text;
  }
  for (const char* text :
       {"0.0.0.0:1", "192.0.2.1:1", "[::]:1", "example:1", "localhost.example:1", "128.0.0.1:1"}) {
    EXPECT_FALSE(Address::parse(text)->is_loopback()) << text;
  }
}

task<> writes_late(Runtime& runtime) {
  const MemoryPair pair = make_memory_pair(runtime, {.capacity = 10});
  const auto began = runtime.now();
  EXPECT_EQ(co_await write_all(*pair.a, Bytes(25, 1), began + 2s), boost::asio::error::timed_out);
  EXPECT_EQ(runtime.now() - began, 2s) << "every wait on a peer has a deadline";
}

TEST(WriteAll, EndsAtItsDeadline) {
  sim::World world(1);
  world.run(writes_late(world.runtime()));
}

/// Takes all, and keeps it until writable() is called.
class Keeping final : public Stream {
 public:
  Transfer read_some(MutableByteView) override { return {0, boost::asio::error::would_block}; }
  Transfer write_some(ByteView bytes) override {
    kept = true;
    return {bytes.size(), {}};
  }
  task<error_code> readable(Deadline) override { co_return error_code(); }
  bool when_readable(Waiter&) override { return true; }
  task<error_code> writable(Deadline) override {
    kept = false;
    co_return failure;
  }
  bool unsent() const noexcept override { return kept; }
  void shutdown() noexcept override {}
  void close() noexcept override {}
  const Address& remote() const noexcept override { return address_; }

  bool kept = false;
  error_code failure;

 private:
  Address address_{"keeping", 1};
};

task<> writes_on() {
  Keeping stream;
  EXPECT_EQ(co_await write_all(stream, Bytes(3, 1)), error_code());
  EXPECT_FALSE(stream.kept) << "it has left this process";
  stream.failure = boost::asio::error::connection_reset;
  EXPECT_EQ(co_await write_all(stream, Bytes(3, 1)), boost::asio::error::connection_reset);
}

TEST(WriteAll, SendsOnWhatALayerBelowHasKept) {
  sim::World world(1);
  world.run(writes_on());
}

}  // namespace
}  // namespace babilu::net
