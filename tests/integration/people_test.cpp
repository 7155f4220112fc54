// Peers as commands: what a mistyped name does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;

class People : public ::testing::Test {
 protected:
  Command command(std::vector<std::string> arguments) const {
    return {.arguments = std::move(arguments), .environment = {{"HOME", home_.path()}}};
  }
  std::filesystem::path profile(const char* name) const {
    return home_.path() / ".local/share/babilu" / (std::string(name) + ".db");
  }
  const std::string at_ = "127.0.0.1:" + std::to_string(free_port());

 private:
  TemporaryDirectory home_;
};

TEST_F(People, ForgettingMakesNoProfile) {
  const auto outcome = run(command({"peer", "forget", "bob", "--name", "typo"}));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("there is no profile"));
  EXPECT_FALSE(std::filesystem::exists(profile("typo")));
}

TEST_F(People, WhoExpectedSomebodyElseIsToldAtOnce) {
  Process ada(command({"peer", "listen", "--name", "ada", "--at", at_}));
  ASSERT_TRUE(ada.says("ada"));
  Process bob(command({"chat", "--name", "bob", "--to", at_, "--with", "nobody", "--wait", "1h"}));
  EXPECT_EQ(bob.wait(), 1);
  EXPECT_THAT(bob.err(), HasSubstr("REFUSED: ada"));
  EXPECT_THAT(bob.err(), ::testing::Not(HasSubstr("nobody answers")));
}

TEST_F(People, LeaveNoKeysInACoreFile) {
  Process ada(command({"peer", "listen", "--name", "ada", "--at", at_}));
  ASSERT_TRUE(ada.says("ada"));
  Process bob(command({"chat", "--name", "bob", "--to", at_, "--linger", "1h"}));
  ASSERT_TRUE(bob.says("ada"));
  for (const Process* process : {&ada, &bob}) {
    const auto limits = read_file("/proc/" + std::to_string(process->id()) + "/limits");
    EXPECT_THAT(limits, ::testing::ContainsRegex("Max core file size +0 +0 +bytes"));
  }
}

TEST_F(People, WhoIsNotKnownIsSaidAtOnceAndHowLongTheWaitIs) {
  Process named(
      command({"chat", "--name", "bob", "--to", at_, "--with", "nobody", "--wait", "1h"}));
  EXPECT_TRUE(named.says("nobody called nobody is known here; waiting 3600 s for an answer"));
  named.signal(SIGTERM);
  named.wait();
  EXPECT_THAT(named.err(), ::testing::Not(HasSubstr("nobody answers"))) << "it had an hour";
  Process anybody(command({"chat", "--name", "bob", "--to", at_, "--wait", "1h"}));
  EXPECT_TRUE(anybody.says("nobody is known at that address; waiting 3600 s"));
  Process visitor(command({"peer", "listen", "--name", "ada", "--at", at_, "--with", "nobody"}));
  EXPECT_TRUE(visitor.says("nobody called nobody is known here yet; waiting until they come"));
}

TEST_F(People, AStackIsNoPeer) {
  const Stack stack;
  const auto outcome = run(command({"chat", "--name", "bob", "--to", stack.target()}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("what listens there is no peer"));
}

}  // namespace
}  // namespace babilu::testing
