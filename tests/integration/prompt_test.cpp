// Asking a person at a terminal for a password.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/support/stack.h"
#include "tests/integration/support/terminal.h"

namespace babilu::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

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

TEST(Prompt, IsUnseenAgainAfterItWasStopped) {
  Terminal terminal;
  Process shell = terminal.shell();
  terminal.until("ready> ");
  terminal.type(program_path() + " login ada\n");
  terminal.until("Password of ada: ");
  ASSERT_TRUE(eventually([&] { return !terminal.shows_what_is_typed(); }));
  terminal.type("half a passw\x1A");
  terminal.until("ready> ");
  EXPECT_TRUE(terminal.shows_what_is_typed());
  terminal.type("fg\n");
  terminal.until("Password of ada: ");
  ASSERT_TRUE(eventually([&] { return !terminal.shows_what_is_typed(); }));
  terminal.type("secret horse\n");
  EXPECT_THAT(terminal.until("ready> "), Not(HasSubstr("horse")));
  EXPECT_TRUE(terminal.shows_what_is_typed());
}

TEST(Prompt, IsUnseenAgainWhateverSomebodyMadeOfTheTerminal) {
  Terminal terminal;
  Process login({.arguments = {"login", "ada"}, .terminal = terminal.path()});
  terminal.until("Password of ada: ");
  ASSERT_TRUE(eventually([&] { return !terminal.shows_what_is_typed(); }));
  login.signal(SIGSTOP);  // as nobody can handle it
  terminal.show_what_is_typed();
  login.signal(SIGCONT);
  terminal.until("Password of ada: ");
  EXPECT_FALSE(terminal.shows_what_is_typed());
}

TEST(Prompt, LeavesWhatIsTypedInNoCoreFile) {
  Terminal terminal;
  const Process login({.arguments = {"login", "ada"}, .terminal = terminal.path()});
  terminal.until("Password of ada: ");
  EXPECT_THAT(read_file("/proc/" + std::to_string(login.id()) + "/limits"),
              ContainsRegex("Max core file size +0 +0 "));
}

}  // namespace
}  // namespace babilu::testing
