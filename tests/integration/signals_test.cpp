// What ends a process, and what must not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A terminal that can be closed.
class Window {
 public:
  Window() : ours_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(ours_);
    ::unlockpt(ours_);
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window() { close(); }
  std::string path() const { return ::ptsname(ours_); }
  void close() {
    if (ours_ >= 0) ::close(ours_);
    ours_ = -1;
  }

 private:
  int ours_;
};

class Signals : public ::testing::Test {
 protected:
  Command proxy() const {
    return {.arguments = {"proxy", "--listen", "127.0.0.1:0", "--admin-listen",
                          "127.0.0.1:" + std::to_string(admin_), "--plaintext-sessions",
                          "--plaintext-links", "--backends", "127.0.0.1:1"}};
  }
  bool answers(Process& process) const {
    return eventually([&] { return readiness(admin_) != 0 || process.ended(); }) &&
           !process.ended();
  }
  const std::uint16_t admin_ = free_port();
};

TEST_F(Signals, ThatComeBeforeTheProcessTakesThemEndItInOrder) {
  for (const int number : {SIGTERM, SIGINT}) {
    Command command = proxy();
    command.pending_signal = number;
    Process process(command);
    EXPECT_EQ(process.wait(), 0) << process.err();
    EXPECT_THAT(process.err(), HasSubstr("stopped"));
  }
}

TEST_F(Signals, AskForAReloadAlsoBeforeTheProcessTakesThem) {
  Command command = proxy();
  command.pending_signal = SIGHUP;
  Process process(command);
  EXPECT_TRUE(process.says("reload"));
  ASSERT_TRUE(answers(process));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
}

TEST_F(Signals, ATerminalThatIsClosedEndsAServer) {
  Window window;
  Command command = proxy();
  command.terminal = window.path();
  Process process(command);
  ASSERT_TRUE(answers(process));
  process.signal(SIGHUP);
  EXPECT_TRUE(process.says("reload"));
  EXPECT_FALSE(process.ended());
  window.close();
  EXPECT_EQ(process.wait(), 0) << process.err();
}

TEST_F(Signals, ATerminalThatIsClosedEndsTheDemo) {
  TemporaryDirectory directory;
  Window window;
  const std::uint16_t base = free_port({1, 2, 80, 81, 82});
  Process demo({.arguments = {"demo", "--port-base", std::to_string(base), "--duration", "100ms",
                              "--sessions", "2"},
                .environment = {{"TMPDIR", directory.path()}},
                .terminal = window.path()});
  ASSERT_TRUE(eventually(
      [&] { return demo.out().find("The stack is up.") != std::string::npos || demo.ended(); }));
  window.close();
  EXPECT_EQ(demo.wait(), 0) << demo.err();
  EXPECT_EQ(readiness(static_cast<std::uint16_t>(base + 80)), 0);
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

TEST_F(Signals, HangupEndsWhatCannotReload) {
  Stack stack;
  stack.backend(0).signal(SIGHUP);
  EXPECT_EQ(stack.backend(0).wait(), 0) << stack.backend(0).err();
}

TEST_F(Signals, HangupIsNothingToWhatWasStartedToIgnoreIt) {
  TemporaryDirectory home;
  const std::string at = "127.0.0.1:" + std::to_string(free_port());
  Window window;
  Process peer({.arguments = {"peer", "listen", "--name", "ada", "--at", at},
                .environment = {{"HOME", home.path()}},
                .terminal = window.path(),
                .ignores_hangup = true});
  ASSERT_TRUE(peer.says("you are ada"));
  peer.signal(SIGHUP);
  window.close();
  // A message arrives, so it is still there.
  EXPECT_EQ(run({.arguments = {"chat", "--name", "bob", "--to", at},
                 .environment = {{"HOME", home.path()}},
                 .input = "hello\n"})
                .exit_code,
            0);
  peer.signal(SIGTERM);
  EXPECT_EQ(peer.wait(), 0);
}

TEST_F(Signals, ASecondOneKeepsTheReportOfTheBots) {
  Stack stack;
  const fs::path report = stack.path() / "report";
  Process bots(
      {.arguments = {"bots", "--scenario", "encrypt", "--sessions", "4", "--duration", "1h",
                     "--deadline", "1s", "--check-timeout", "1h", "--json", report},
       .environment = {{"BABILU_TARGET", stack.target()}, {"BABILU_CA", stack.authority()}}});
  ASSERT_TRUE(bots.says("load: 0 of"));
  // From now on nobody answers: the checks cannot end by themselves.
  stack.backend(0).stop();
  stack.backend(1).stop();
  bots.signal(SIGINT);
  ASSERT_TRUE(bots.says("checking"));
  bots.signal(SIGINT);
  EXPECT_EQ(bots.wait(), 1) << bots.err();
  EXPECT_THAT(read_file(report), HasSubstr("\"unchecked\""));
  EXPECT_THAT(bots.out(), HasSubstr("ended early"));
}

TEST_F(Signals, AConfigurationFromAPipeIsReadOnceAndKeptAtAReload) {
  TemporaryDirectory directory;
  const fs::path pipe = directory.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Command command = proxy();
  command.arguments.insert(command.arguments.end(), {"--config", pipe});
  Process process(command);
  write_file(pipe, "name = \"from-a-pipe\"\n");  // waits for the reader
  ASSERT_TRUE(answers(process));
  process.signal(SIGHUP);
  EXPECT_TRUE(process.says("cannot be read again"));
  EXPECT_NE(readiness(admin_), 0);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
}

TEST_F(Signals, EndAProcessThatWaitsForAPipe) {
  TemporaryDirectory directory;
  const fs::path pipe = directory.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"proxy", "--config", pipe}, {"bots", "--ca", pipe}}) {
    Process process({.arguments = arguments});
    const fs::path open_files = "/proc/" + std::to_string(process.id()) + "/fd";
    ASSERT_TRUE(eventually([&] {
      std::error_code ignored;
      for (const auto& entry : fs::directory_iterator(open_files, ignored)) {
        if (fs::read_symlink(entry.path(), ignored) == pipe) return true;
      }
      return false;
    }));
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), 128 + SIGTERM);
  }
}

TEST_F(Signals, EndBotsWhoseReportNobodyReads) {
  TemporaryDirectory directory;
  const fs::path pipe = directory.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Process bots({.arguments = {"bots", "--plaintext", "--target", "127.0.0.1:1", "--json", pipe},
                .pending_signal = SIGTERM});
  EXPECT_EQ(bots.wait(), 128 + SIGTERM);
}

}  // namespace
}  // namespace babilu::testing
