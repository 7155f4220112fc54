#include "core/net/memory.h"

#include <numeric>
#include <string>

#include <gtest/gtest.h>
#include <boost/asio/error.hpp>

#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"

namespace babilu::net {
namespace {

namespace error = boost::asio::error;
using namespace std::chrono_literals;

Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

/// Reads until an error that is not would_block, and says which.
task<error_code> read_to_end(Stream& stream, Bytes& out) {
  std::uint8_t buffer[512];
  for (;;) {
    const Transfer got = stream.read_some(buffer);
    out.insert(out.end(), buffer, buffer + got.bytes);
    if (got.error && got.error != error::would_block) co_return got.error;
    if (got.error) {
      const error_code waited = co_await stream.readable();
      if (waited) co_return waited;
    }
  }
}

task<> write_and_shut_down(Stream& stream, ByteView bytes) {
  EXPECT_EQ(co_await write_all(stream, bytes), error_code());
  stream.shutdown();
}

task<> store(task<error_code> wait, error_code& result) {
  result = co_await std::move(wait);
}

TEST(Memory, NamesTheOtherEnd) {
  Runtime runtime;
  const MemoryPair pair = make_memory_pair(runtime, {.name_a = {"ada", 1}, .name_b = {"bob", 2}});
  EXPECT_EQ(pair.a->remote().to_string(), "bob:2");
  EXPECT_EQ(pair.b->remote().to_string(), "ada:1");
}

task<> echo_both_ways(MemoryPair& pair) {
  std::uint8_t byte[1] = {7};
  EXPECT_EQ(pair.b->read_some(byte).error, error::would_block);
  EXPECT_EQ(pair.a->write_some(byte).bytes, 1U);
  EXPECT_EQ(pair.b->read_some(byte).error, error::would_block) << "delivered inside write_some";
  EXPECT_EQ(co_await pair.b->readable(), error_code());
  EXPECT_EQ(pair.b->read_some(byte).bytes, 1U);
  EXPECT_EQ(byte[0], 7);

  EXPECT_EQ(pair.b->write_some(byte).bytes, 1U);
  EXPECT_EQ(co_await pair.a->readable(), error_code());
  EXPECT_EQ(pair.a->read_some(byte).bytes, 1U);
}

TEST(Memory, DeliversThroughTheLoop) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime);
  runtime.run(echo_both_ways(pair));
}

task<> transfer(Runtime& runtime, MemoryPair& pair, ByteView sent, Bytes& received) {
  Scope scope(runtime);
  scope.spawn("writer", write_and_shut_down(*pair.a, sent));
  EXPECT_EQ(co_await read_to_end(*pair.b, received), error::eof);
  co_await scope.join();
}

TEST(Memory, KeepsOrderThroughASmallCapacityAndJitter) {
  Runtime runtime;
  int turn = 0;
  MemoryPair pair = make_memory_pair(
      runtime, {.capacity = 100,
                .jitter = [&turn] { return ++turn % 2 == 0 ? 0ns : Clock::duration(2000ns); },
                .max_segment = 1});
  const Bytes sent = numbered(5000);
  Bytes received;
  runtime.run(transfer(runtime, pair, sent, received));
  EXPECT_EQ(received, sent);
  EXPECT_GE(turn, 50);
}

TEST(Memory, AWriteTakesNoMoreThanTheCapacity) {
  Runtime runtime;
  const MemoryPair pair = make_memory_pair(runtime, {.capacity = 10});
  EXPECT_EQ(pair.a->write_some(numbered(25)).bytes, 10U);
  const Transfer second = pair.a->write_some(numbered(1));
  EXPECT_EQ(second.bytes, 0U);
  EXPECT_EQ(second.error, error::would_block);
}

TEST(Memory, AReadGivesNoMoreThanASegment) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime, {.max_segment = 3});
  EXPECT_EQ(pair.a->write_some(numbered(8)).bytes, 8U);
  error_code waited = error::fault;
  runtime.run(store(pair.b->readable(), waited));
  std::uint8_t buffer[8];
  EXPECT_EQ(pair.b->read_some(buffer).bytes, 3U);
  EXPECT_EQ(pair.b->read_some(buffer).bytes, 3U);
  EXPECT_EQ(pair.b->read_some(buffer).bytes, 2U);
  EXPECT_EQ(pair.b->read_some(buffer).error, error::would_block);
}

task<> latency_passes(Runtime& runtime, MemoryPair& pair) {
  const auto begin = runtime.now();
  EXPECT_EQ(pair.a->write_some(numbered(1)).bytes, 1U);
  EXPECT_EQ(co_await pair.b->readable(), error_code());
  EXPECT_GE(runtime.now() - begin, 5ms);
}

TEST(Memory, ArrivesAfterTheLatency) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime, {.latency = 5ms});
  runtime.run(latency_passes(runtime, pair));
}

TEST(Memory, AWaitEndsAtItsDeadline) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime, {.capacity = 1});
  error_code waited;
  runtime.run(store(pair.a->readable(runtime.now() + 1ms), waited));
  EXPECT_EQ(waited, error::timed_out);

  EXPECT_EQ(pair.a->write_some(numbered(1)).bytes, 1U);
  runtime.run(store(pair.a->writable(runtime.now() + 1ms), waited));
  EXPECT_EQ(waited, error::timed_out);
}

task<> close_under_waits(Runtime& runtime, MemoryPair& pair, bool destroy) {
  error_code reading;
  error_code writing;
  Scope scope(runtime);
  EXPECT_EQ(pair.a->write_some(numbered(1)).bytes, 1U);
  scope.spawn("reader", store(pair.a->readable(), reading));
  scope.spawn("writer", store(pair.a->writable(), writing));
  co_await runtime.yield();
  if (destroy) {
    pair.a.reset();
  } else {
    pair.a->close();
  }
  co_await scope.join();
  EXPECT_EQ(reading, error::operation_aborted);
  EXPECT_EQ(writing, error::operation_aborted);
}

TEST(Memory, CloseEndsWaits) {
  for (const bool destroy : {false, true}) {
    Runtime runtime;
    MemoryPair pair = make_memory_pair(runtime, {.capacity = 1});
    pair.cable->pause();
    runtime.run(close_under_waits(runtime, pair, destroy));
  }
}

TEST(Memory, ShutdownIsReadAfterTheDataAndTheOtherDirectionGoesOn) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime);
  const Bytes sent = numbered(1000);
  Bytes received;
  runtime.run(transfer(runtime, pair, sent, received));
  EXPECT_EQ(received, sent);
  EXPECT_EQ(pair.a->write_some(sent).error, error::broken_pipe);

  Bytes back;
  runtime.run(write_and_shut_down(*pair.b, sent));
  error_code ended;
  runtime.run(store(read_to_end(*pair.a, back), ended));
  EXPECT_EQ(ended, error::eof);
  EXPECT_EQ(back, sent);
}

TEST(Memory, CloseIsEofForWhoHasReadAll) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime);
  EXPECT_EQ(pair.a->write_some(numbered(3)).bytes, 3U);
  pair.a->close();
  Bytes received;
  error_code ended;
  runtime.run(store(read_to_end(*pair.b, received), ended));
  EXPECT_EQ(ended, error::eof);
  EXPECT_EQ(received, numbered(3));
}

TEST(Memory, CloseWithUnreadBytesIsAReset) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime);
  EXPECT_EQ(pair.b->write_some(numbered(3)).bytes, 3U);
  error_code ended;
  runtime.run(store(pair.a->readable(), ended));
  pair.a->close();
  Bytes received;
  runtime.run(store(read_to_end(*pair.b, received), ended));
  EXPECT_EQ(ended, error::connection_reset);
}

task<> write_until_reset(Stream& stream) {
  EXPECT_EQ(stream.write_some(numbered(1)).bytes, 1U) << "the close is not known here yet";
  EXPECT_EQ(co_await stream.writable(), error_code());
  EXPECT_EQ(stream.write_some(numbered(1)).error, error::connection_reset);
}

TEST(Memory, WritingToAClosedEndIsAReset) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime, {.capacity = 1});
  pair.a->close();
  runtime.run(write_until_reset(*pair.b));
}

task<> cut_under_waits(Runtime& runtime, MemoryPair& pair) {
  error_code a;
  error_code b;
  error_code writer;
  Scope scope(runtime);
  scope.spawn("a", store(pair.a->readable(), a));
  scope.spawn("b", store(pair.b->readable(), b));
  EXPECT_EQ(pair.a->write_some(numbered(10)).bytes, 10U);
  pair.cable->pause();
  scope.spawn("writer", store(pair.a->writable(), writer));
  co_await runtime.yield();
  pair.cable->cut();
  co_await scope.join();
  std::uint8_t byte[1];
  for (Stream* end : {pair.a.get(), pair.b.get()}) {
    EXPECT_EQ(end->read_some(byte).error, error::connection_reset);
    EXPECT_EQ(end->write_some(byte).error, error::connection_reset);
  }
}

TEST(Memory, ACutResetsBothEndsAndLosesWhatWasOnItsWay) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime, {.capacity = 10});
  runtime.run(cut_under_waits(runtime, pair));
}

task<> pause_and_resume(Runtime& runtime, MemoryPair& pair) {
  using Direction = MemoryCable::Direction;
  pair.cable->pause(Direction::a_to_b);
  EXPECT_EQ(pair.a->write_some(numbered(4)).bytes, 4U);
  pair.a->shutdown();
  EXPECT_EQ(pair.b->write_some(numbered(4)).bytes, 4U);
  EXPECT_EQ(co_await pair.a->readable(), error_code()) << "only one direction is paused";
  EXPECT_EQ(co_await pair.b->readable(runtime.now() + 1ms), error::timed_out);
  pair.cable->resume(Direction::a_to_b);
  Bytes received;
  EXPECT_EQ(co_await read_to_end(*pair.b, received), error::eof);
  EXPECT_EQ(received, numbered(4));
}

TEST(Memory, APausedDirectionDeliversNothingUntilItResumes) {
  Runtime runtime;
  MemoryPair pair = make_memory_pair(runtime);
  runtime.run(pause_and_resume(runtime, pair));
}

}  // namespace
}  // namespace babilu::net
