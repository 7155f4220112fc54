// Asking a person at a terminal for a password.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>

#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The person's side of a terminal.
class Terminal {
 public:
  Terminal() : ours_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(ours_);
    ::unlockpt(ours_);
    theirs_ = ::open(::ptsname(ours_), O_RDWR | O_NOCTTY | O_CLOEXEC);  // keeps it open
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    ::close(theirs_);
    ::close(ours_);
  }

  std::string path() const { return ::ptsname(ours_); }
  void type(std::string_view text) {
    EXPECT_EQ(::write(ours_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// All that was shown until this appeared.
  const std::string& until(std::string_view text) {
    while (shown_.find(text, seen_) == std::string::npos) {
      pollfd entry{ours_, POLLIN, 0};
      char buffer[256];
      const ssize_t got = ::poll(&entry, 1, 60'000) == 1 ? ::read(ours_, buffer, sizeof buffer) : 0;
      if (got <= 0) throw std::runtime_error("the terminal shows only: " + shown_);
      shown_.append(buffer, static_cast<std::size_t>(got));
    }
    seen_ = shown_.find(text, seen_) + text.size();
    return shown_;
  }
  bool shows_what_is_typed() const {
    termios state{};
    ::tcgetattr(ours_, &state);
    return (state.c_lflag & ECHO) != 0;
  }

 private:
  int ours_;
  int theirs_;
  std::string shown_;
  std::size_t seen_ = 0;
};

TEST(Prompt, TakesAPasswordUnseenAndTwice) {
  Stack stack;
  Terminal terminal;
  Command command{
      .arguments = {"signup", "ada", "--target", stack.target(), "--ca", stack.authority()},
      .terminal = terminal.path()};
  {
    Process signup(command);
    terminal.until("Password for the new account ada: ");
    terminal.type("correct horse\n");
    terminal.until("again: ");
    terminal.type("another horse\n");
    EXPECT_EQ(signup.wait(), 2);
    EXPECT_THAT(signup.err(), HasSubstr("not the same"));
  }
  Process signup(command);
  terminal.until("account ada: ");
  terminal.type("correct horse\n");
  terminal.until("again: ");
  terminal.type("correct horse\n");
  EXPECT_EQ(signup.wait(), 0) << signup.err();
  EXPECT_THAT(terminal.until("\n"), Not(HasSubstr("horse")));
  EXPECT_EQ(stack.babilu({"login", "ada"}, {}, {{"BABILU_PASSWORD", "correct horse"}}).exit_code,
            0);
}

TEST(Prompt, LeavesTheTerminalAsItWasWhenInterrupted) {
  Terminal terminal;
  Process login({.arguments = {"login", "ada"}, .terminal = terminal.path()});
  terminal.until("Password of ada: ");
  ASSERT_TRUE(eventually([&] { return !terminal.shows_what_is_typed(); }));
  terminal.type("half a passw\x03");
  EXPECT_EQ(login.wait(), 128 + SIGINT);
  EXPECT_TRUE(terminal.shows_what_is_typed());
}

}  // namespace
}  // namespace babilu::testing
