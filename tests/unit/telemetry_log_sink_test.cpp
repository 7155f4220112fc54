#include "core/telemetry/log_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>

#include "core/telemetry/log.h"

namespace babilu::telemetry {
namespace {

/// Two connected descriptors: what is written to the second comes out of the first.
struct Ends {
  int read = -1;
  int write = -1;

  static Ends pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    return {ends[0], ends[1]};
  }
  static Ends socket() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return {ends[0], ends[1]};
  }
  void close_reader() {
    ::close(read);
    read = -1;
  }
  std::string drain() {
    ::fcntl(read, F_SETFL, O_NONBLOCK);
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::read(read, part.data(), part.size())) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
  void close_all() {
    if (read >= 0) ::close(read);
    ::close(write);
  }
};

Log log_to(int descriptor, bool coloured = false, LogFormat format = LogFormat::text) {
  LogOptions options;
  options.format = format;
  options.sinks = {descriptor_sink(descriptor, coloured)};
  options.now = [] { return std::chrono::system_clock::time_point{}; };
  return Log(std::move(options));
}

TEST(DescriptorSink, WritesLines) {
  Ends ends = Ends::pipe();
  const Log log = log_to(ends.write);
  log.info("one");
  log.warn("two", field("n", 2));
  EXPECT_EQ(ends.drain(),
            "1970-01-01T00:00:00.000000Z INFO  one\n"
            "1970-01-01T00:00:00.000000Z WARN  two n=2\n");
  ends.close_all();
}

TEST(DescriptorSink, ColoursTheLevelOfTextOnly) {
  Ends ends = Ends::pipe();
  log_to(ends.write, true).error("bad");
  EXPECT_EQ(ends.drain(), "1970-01-01T00:00:00.000000Z \x1b[31;1mERROR\x1b[0m bad\n");
  log_to(ends.write, true, LogFormat::json).error("bad");
  EXPECT_EQ(ends.drain().find('\x1b'), std::string::npos);
  ends.close_all();
}

/// Writes more than anything holds; with a sink that waits, this would never end.
void flood_and_recover(Ends ends) {
  const Log log = log_to(ends.write);
  const std::string text(1000, 'x');
  for (int i = 0; i < 2000; ++i) log.info("flood", field("text", text));
  const std::uint64_t lost = log.statistics().lost;
  EXPECT_GT(lost, 0u);
  EXPECT_LT(lost, 2000u);
  const std::string before = ends.drain();
  EXPECT_FALSE(before.empty());

  log.info("again");
  std::string after = ends.drain();
  if (!before.ends_with('\n')) {  // the line that was cut ends here
    ASSERT_TRUE(after.starts_with('\n'));
    after.erase(0, 1);
  }
  EXPECT_EQ(after,
            "1970-01-01T00:00:00.000000Z INFO  again\n"
            "1970-01-01T00:00:00.000000Z WARN  log lines were lost before this lost=" +
                std::to_string(lost) + "\n");
  ends.close_all();
}

TEST(DescriptorSink, NeverWaitsForAPipe) {
  flood_and_recover(Ends::pipe());
}
TEST(DescriptorSink, NeverWaitsForASocket) {
  flood_and_recover(Ends::socket());
}

TEST(DescriptorSink, BeginsANewLineAfterOneThatWasCut) {
  Ends ends = Ends::pipe();
  const int capacity = ::fcntl(ends.write, F_SETPIPE_SZ, 4096);
  ASSERT_EQ(capacity, 4096);
  const Log log = log_to(ends.write);
  log.info(std::string(4000, 'm'), field("a", std::string(1000, 'z')));  // two writes, room for one
  const std::string cut = ends.drain();
  ASSERT_FALSE(cut.ends_with('\n'));
  log.info("again");
  const std::string after = ends.drain();
  EXPECT_TRUE(after.starts_with("\n1970-01-01T00:00:00.000000Z INFO  again\n")) << after;
  ends.close_all();
}

TEST(DescriptorSink, SurvivesAReaderThatHasGone) {
  struct sigaction before{};
  ASSERT_EQ(::sigaction(SIGPIPE, nullptr, &before), 0);
  ASSERT_EQ(before.sa_handler, SIG_DFL) << "else this proves nothing";
  for (Ends ends : {Ends::pipe(), Ends::socket()}) {
    ends.close_reader();
    const Log log = log_to(ends.write);
    log.info("one");
    log.info("two");
    EXPECT_EQ(log.statistics().lost, 2u);
    ends.close_all();
  }
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(::sigismember(&mask, SIGPIPE), 0);
  ::sigpending(&mask);
  EXPECT_EQ(::sigismember(&mask, SIGPIPE), 0);
}

TEST(DescriptorSink, SurvivesAFullDisk) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full < 0) GTEST_SKIP() << "no /dev/full here";
  const Log log = log_to(full);
  log.error("lost");
  EXPECT_EQ(log.statistics().lost, 1u);
  EXPECT_EQ(log.recent().size(), 1u);
  ::close(full);
}

TEST(DescriptorSink, SurvivesAClosedDescriptor) {
  const Log log = log_to(-1);
  log.error("lost");
  EXPECT_EQ(log.statistics().lost, 1u);
}

TEST(DescriptorSink, WritesALineLongerThanAPipeTakesAtOnce) {
  Ends ends = Ends::pipe();
  const std::string text(1000, 'y');
  log_to(ends.write)
      .info(std::string(4000, 'm'), field("a", text), field("b", text), field("c", text));
  const std::string line = ends.drain();
  EXPECT_GT(line.size(), 7000u);
  EXPECT_TRUE(line.ends_with("yyy\n"));
  ends.close_all();
}

}  // namespace
}  // namespace babilu::telemetry
