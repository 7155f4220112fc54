// Waiting for descriptors of the system: nothing that became ready is missed, and nothing waits for
// ever.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include <boost/asio/error.hpp>

#include "core/runtime/descriptor.h"
#include "core/runtime/runtime.h"
#include "core/runtime/scope.h"
#include "core/runtime/signals.h"
#include "tests/unit/runtime_support.h"

namespace babilu {
namespace {

using namespace std::chrono_literals;
namespace error = boost::asio::error;
using Pair = test::SocketPair;
using test::run;

/// Reads as a Stream does: less than was asked for means that there is no more.
std::string read_some(Descriptor& descriptor) {
  std::array<char, 64> buffer{};
  const ssize_t got = ::read(descriptor.get(), buffer.data(), buffer.size());
  if (got < static_cast<ssize_t>(buffer.size())) descriptor.read_all();
  return got < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(got));
}

task<> data_then_end(Runtime& runtime) {
  Pair pair;
  Descriptor reader(runtime, pair.ends[0]);
  EXPECT_EQ(read_some(reader), "nothing");
  EXPECT_EQ(co_await reader.readable(runtime.now() + 10ms), error::timed_out);
  EXPECT_EQ(::write(pair.ends[1], "ab", 2), 2);
  ::close(pair.ends[1]);
  EXPECT_FALSE(co_await reader.readable(runtime.now() + 10s));
  EXPECT_EQ(read_some(reader), "ab");
  // The end came with the data, and no other event will come.
  EXPECT_FALSE(co_await reader.readable(runtime.now() + 10s));
  EXPECT_EQ(read_some(reader), "");
}
TEST(Descriptor, TheEndBehindDataIsNotMissed) {
  run(data_then_end);
}

task<> late(Runtime& runtime) {
  Pair pair;
  Descriptor reader(runtime, pair.ends[0]);
  EXPECT_EQ(read_some(reader), "nothing");
  const Deadline deadline = runtime.now() + 5ms;
  // From within the loop, which then has both to do: what is there, and a time that is up.
  runtime.post([&] {
    EXPECT_EQ(::write(pair.ends[1], "ab", 2), 2);
    while (runtime.now() <= deadline) {
    }
  });
  EXPECT_FALSE(co_await reader.readable(deadline));
  EXPECT_EQ(read_some(reader), "ab");
  ::close(pair.ends[1]);
}
TEST(Descriptor, WhatIsThereComesBeforeATimeThatIsUp) {
  run(late);
}

std::atomic<int> late_writer{-1};
std::atomic<Clock::duration::rep> late_until{0};

Clock::duration::rep now_in_handler() {
  return Clock::duration(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// As if the process had been stopped until a time is up, while the other side wrote.
void be_late(int) {
  [[maybe_unused]] const auto written = ::write(late_writer, "ab", 2);
  while (now_in_handler() <= late_until) {
  }
}

task<> interrupted(Runtime& runtime) {
  Pair pair;
  Descriptor reader(runtime, pair.ends[0]);
  EXPECT_EQ(read_some(reader), "nothing");
  const Deadline deadline = runtime.now() + 50ms;
  late_writer = pair.ends[1];
  late_until = deadline.time_since_epoch().count();
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = be_late;
  ::sigaction(SIGUSR1, &action, &before);
  std::thread other(
      [loop = ::pthread_self(), almost = (deadline - 10ms).time_since_epoch().count()] {
        while (now_in_handler() < almost) std::this_thread::yield();
        ::pthread_kill(loop, SIGUSR1);
      });
  EXPECT_FALSE(co_await reader.readable(deadline));
  other.join();
  EXPECT_EQ(read_some(reader), "ab");
  ::sigaction(SIGUSR1, &before, nullptr);
  ::close(pair.ends[1]);
}
TEST(Descriptor, ASignalHidesNothingThatIsThere) {
  run(interrupted);
}

task<> full(Runtime& runtime) {
  Pair pair;
  Descriptor writer(runtime, pair.ends[0]);
  Descriptor reader(runtime, pair.ends[1]);
  const std::string block(4096, 'x');
  EXPECT_FALSE(co_await writer.writable());
  while (::write(writer.get(), block.data(), block.size()) > 0) {
  }
  writer.write_full();
  EXPECT_EQ(co_await writer.writable(runtime.now() + 10ms), error::timed_out);
  std::string sink(1 << 20, '\0');
  EXPECT_GT(::read(reader.get(), sink.data(), sink.size()), 0);
  EXPECT_FALSE(co_await writer.writable(runtime.now() + 10s));
}
TEST(Descriptor, AWriterIsToldOfRoom) {
  run(full);
}

task<> wait_for(Descriptor& descriptor, error_code& outcome) {
  descriptor.read_all();
  outcome = co_await descriptor.readable();
}

task<> closed(Runtime& runtime) {
  Pair pair;
  Descriptor reader(runtime, pair.ends[0]);
  error_code outcome;
  Scope scope(runtime);
  scope.spawn("wait", wait_for(reader, outcome));
  co_await runtime.yield();
  reader.close();
  co_await scope.join();
  EXPECT_EQ(outcome, error::operation_aborted);
  EXPECT_EQ(co_await reader.readable(), error::operation_aborted);
  ::close(pair.ends[1]);
}
TEST(Descriptor, ClosingEndsAWait) {
  run(closed);
}

task<> cancelled(Runtime& runtime) {
  Pair pair;
  Descriptor reader(runtime, pair.ends[0]);
  error_code untouched = error::eof;
  Scope scope(runtime);
  scope.spawn("wait", wait_for(reader, untouched));
  co_await runtime.yield();
  co_await scope.close();
  EXPECT_EQ(untouched, error::eof);
  EXPECT_EQ(::write(pair.ends[1], "x", 1), 1);
  EXPECT_FALSE(co_await reader.readable(runtime.now() + 10s));  // and another may follow
  ::close(pair.ends[1]);
}
TEST(Descriptor, CancellingEndsAWait) {
  run(cancelled);
}

task<> wait_and_close(Descriptor& mine, std::unique_ptr<Descriptor>& other, int& ended) {
  mine.read_all();
  co_await mine.readable();
  other.reset();
  ++ended;
}

task<> one_closes_the_other(Runtime& runtime) {
  Pair first;
  Pair second;
  auto a = std::make_unique<Descriptor>(runtime, first.ends[0]);
  auto b = std::make_unique<Descriptor>(runtime, second.ends[0]);
  int ended = 0;
  Scope scope(runtime);
  scope.spawn("a", wait_and_close(*a, b, ended));
  scope.spawn("b", wait_and_close(*b, a, ended));
  co_await runtime.yield();
  // Both are ready in one turn: whoever comes first closes the other, whose turn is next.
  EXPECT_EQ(::write(first.ends[1], "x", 1), 1);
  EXPECT_EQ(::write(second.ends[1], "x", 1), 1);
  co_await scope.join();
  EXPECT_EQ(ended, 2);
  ::close(first.ends[1]);
  ::close(second.ends[1]);
}
TEST(Descriptor, MayBeClosedByWhoeverIsReadyBeforeIt) {
  run(one_closes_the_other);
}

task<> posted(Runtime& runtime) {
  // Nothing else happens: each post alone must wake the loop.
  for (int i = 0; i < 2000; ++i) {
    Condition done(runtime);
    bool came = false;
    std::thread poster([&] {
      runtime.post([&] {
        came = true;
        done.notify_all();
      });
    });
    while (!came) {
      const bool woken = co_await done.wait(runtime.now() + 60s);
      EXPECT_TRUE(woken) << i;
    }
    poster.join();
  }
}
TEST(Runtime, APostFromAnotherThreadWakesIt) {
  run(posted);
}

task<> spin(Runtime& runtime, bool& stop) {
  while (!stop) co_await runtime.yield();
}

task<> fair(Runtime& runtime) {
  Pair pair;
  Descriptor reader(runtime, pair.ends[0]);
  bool stop = false;
  Scope scope(runtime);
  scope.spawn("spin", spin(runtime, stop));
  reader.read_all();
  EXPECT_EQ(::write(pair.ends[1], "x", 1), 1);
  EXPECT_FALSE(co_await reader.readable(runtime.now() + 10s));
  co_await runtime.sleep_for(1ms);
  stop = true;
  co_await scope.join();
  ::close(pair.ends[1]);
}
TEST(Runtime, WhoeverYieldsLetsTheSystemIn) {
  run(fair);
}

task<> signals(Runtime& runtime) {
  ::signal(SIGHUP, SIG_DFL);  // who runs the tests may have had it ignored
  Signals caught(runtime, {SIGUSR1, SIGHUP});
  ::raise(SIGHUP);
  ::raise(SIGUSR1);
  EXPECT_EQ(co_await caught.next(), SIGHUP);
  EXPECT_EQ(co_await caught.next(), SIGUSR1);
}
TEST(Signals, ComeInOrder) {
  run(signals);
  struct sigaction now{};
  ::sigaction(SIGHUP, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

task<> held_signals(Runtime& runtime) {
  hold_signals();
  ::raise(SIGTERM);
  Signals caught(runtime, {SIGTERM});
  EXPECT_EQ(co_await caught.next(), SIGTERM);
}
TEST(Signals, ThatWereHeldBackComeFirst) {
  run(held_signals);
}

task<> ignored_signals(Runtime& runtime, Signals::Ignored ignored, int& got) {
  ::signal(SIGHUP, SIG_IGN);
  Signals caught(runtime, {SIGUSR1, SIGHUP}, ignored);
  ::raise(SIGHUP);
  ::raise(SIGUSR1);
  got = co_await caught.next();
}
TEST(Signals, ThatAreIgnoredStaySoUnlessTheyAreWanted) {
  int got = 0;
  Runtime runtime;
  runtime.run(ignored_signals(runtime, Signals::Ignored::leave, got));
  EXPECT_EQ(got, SIGUSR1);
  runtime.run(ignored_signals(runtime, Signals::Ignored::take, got));
  EXPECT_EQ(got, SIGHUP);
  ::signal(SIGHUP, SIG_DFL);
}

}  // namespace
}  // namespace babilu
