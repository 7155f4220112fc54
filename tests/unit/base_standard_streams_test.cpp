// What becomes of words that nobody can hear.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>

#include <gtest/gtest.h>

#include "core/base/standard_streams.h"

namespace babilu {
namespace {

/// The exit code of what a child of this process does, or 128 + the signal that ended it.
template <class Work>
int in_a_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// A pipe that nobody reads.
int deaf_pipe() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return -1;
  ::close(ends[0]);
  return ends[1];
}

TEST(StandardStreams, AnErrorThatNobodyReadsEndsNothing) {
  EXPECT_EQ(in_a_child([] {
              std::signal(SIGPIPE, SIG_DFL);
              ::dup2(deaf_pipe(), STDERR_FILENO);
              print_error("one\n");
              print_error("two\n");
              // Elsewhere the signal does what it did before.
              return std::signal(SIGPIPE, SIG_DFL) == SIG_DFL ? 7 : 1;
            }),
            7);
  EXPECT_EQ(in_a_child([] {
              ::dup2(::open("/dev/full", O_WRONLY), STDERR_FILENO);
              print_error("one\n");
              ::close(STDERR_FILENO);
              print_error("two\n");
              return 7;
            }),
            7);
}

TEST(StandardStreams, AnErrorCommandsNoTerminal) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  EXPECT_EQ(in_a_child([&] {
              ::dup2(ends[1], STDERR_FILENO);
              print_error("one\n\ttwo \x1B[2J\xC2\x9B\xFF 你好\n");
              return 7;
            }),
            7);
  std::array<char, 100> said{};
  const ssize_t got = ::read(ends[0], said.data(), said.size());
  EXPECT_EQ(std::string_view(said.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))),
            "one\n\ttwo ␛[2J\uFFFD\uFFFD 你好\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(StandardStreams, TheFirstFailureOfTheOutputIsKeptUntilItIsTaken) {
  EXPECT_EQ(in_a_child([] {
              ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO);
              const bool failed = !print("one");
              ::close(STDOUT_FILENO);
              const bool again = !print("two");
              const bool first = take_output_error() == std::errc::no_space_on_device;
              return failed && again && first && !take_output_error() ? 7 : 1;
            }),
            7);
}

TEST(StandardStreams, AnOutputWhoseReaderHasGoneEndsTheProcessUnlessThatIsIgnored) {
  EXPECT_EQ(in_a_child([] {
              std::signal(SIGPIPE, SIG_DFL);
              ::dup2(deaf_pipe(), STDOUT_FILENO);
              print("one");
              return 7;
            }),
            128 + SIGPIPE);
  EXPECT_EQ(in_a_child([] {
              std::signal(SIGPIPE, SIG_IGN);
              ::dup2(deaf_pipe(), STDOUT_FILENO);
              const bool failed = !print("one");
              return failed && take_output_error() == std::errc::broken_pipe ? 7 : 1;
            }),
            7);
}

}  // namespace
}  // namespace babilu
