// The program by itself: what it says to those who mistype.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "tests/integration/support/process.h"
#include "tests/integration/support/temporary_directory.h"

namespace babilu::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Outcome babilu(std::vector<std::string> arguments, Environment environment = {}) {
  return run({.arguments = std::move(arguments), .environment = std::move(environment)});
}

TEST(Program, TellsWhatItCanDo) {
  const auto help = babilu({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("demo"), HasSubstr("Exit codes")));
  EXPECT_THAT(babilu({"--version"}).out, ::testing::MatchesRegex("babilu [0-9.]+\n"));
  const auto nothing = babilu({});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_EQ(nothing.out, "");
  EXPECT_EQ(babilu({"whoami", "--help"}).exit_code, 0);
}

TEST(Program, HasNoSwitchesForTests) {
  std::ifstream file(program_path(), std::ios::binary);
  const std::string program((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(program.find("certificates init"), std::string::npos) << "this is not the program";
  // The variables of the environment that a test could set, and an attacker too.
  EXPECT_EQ(program.find("BABILU_TEST"), std::string::npos);
}

TEST(Program, KnowsWhatWasMeant) {
  for (const auto& [typed, meant] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"sigup"}, "did you mean 'signup'"},
           {{"certificates"}, "try babilu certificates init"},
           {{"certificate", "init"}, "did you mean 'certificates init'"},
           {{"whoami", "--tarjet", "x:1"}, "did you mean --target"},
           {{"login", "ada", "--password", "x"}, "use --password-file"},
           {{"login"}, "Give its NAME"},
           {{"whoami", "me"}, "unexpected argument \"me\""},
           {{"whoami", "--target", "nowhere"}, "expected an address"},
           {{"whoami", "--plaintext", "--target", "192.0.2.1:7400"}, "loopback only"},
           {{"whoami", "--deadline", "soon"}, "duration"},
           {{"verify", "ada"}, "--signature-file"},
           {{"verify"}, "NAME is required"}}) {
    const auto outcome = babilu(typed);
    EXPECT_EQ(outcome.exit_code, 2) << typed[0];
    EXPECT_THAT(outcome.err, HasSubstr(meant));
    EXPECT_EQ(outcome.out, "");
  }
  const auto flag = babilu({"login", "ada", "--password", "hunter2"});
  EXPECT_THAT(flag.err, ::testing::Not(HasSubstr("hunter2")));
}

TEST(Program, AsksNobodyWhereNobodyIs) {
  // Without a terminal there is nobody to ask for a password.
  const auto outcome = babilu({"signup", "ada"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--password-file"));
}

TEST(Program, SaysWhatToDo) {
  const auto standard = babilu({"signup", "ada", "--password-file", "-"});
  EXPECT_THAT(standard.err, HasSubstr("/dev/stdin"));
  const auto name = babilu({"proxy", "--listen", "example.org:7400"});
  EXPECT_EQ(name.exit_code, 2);
  EXPECT_THAT(name.err, HasSubstr("an IP address of this machine"));
  const auto temporary = babilu({"demo", "--exit"}, {{"TMPDIR", "/nonexistent"}});
  EXPECT_EQ(temporary.exit_code, 2);
  EXPECT_THAT(temporary.err, AllOf(HasSubstr("TMPDIR is /nonexistent"), HasSubstr("--keep")));
  const auto files =
      run({.arguments = {"bots", "--plaintext", "--sessions", "200"}, .open_files = 64});
  EXPECT_EQ(files.exit_code, 2);
  EXPECT_THAT(files.err, AllOf(HasSubstr("200 bots need"), HasSubstr("ulimit -n")));
}

TEST(Program, SaysThatNobodyAnswers) {
  const std::string target = "127.0.0.1:" + std::to_string(free_port());
  TemporaryDirectory directory;
  ASSERT_EQ(babilu({"certificates", "init", directory.path() / "c"}).exit_code, 0);
  const auto outcome = babilu(
      {"signup", "ada", "--target", target, "--ca", directory.path() / "c" / "ca.pem", "--json"},
      {{"BABILU_PASSWORD", "long enough"}});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(target), HasSubstr("--target")));
  EXPECT_THAT(outcome.out, HasSubstr("\"reason\":\"cannot_connect\""));
}

TEST(Program, MakesCertificatesOnce) {
  TemporaryDirectory directory;
  const std::string place = directory.path() / "c";
  ASSERT_EQ(babilu({"certificates", "init", place, "--host", "proxy.test"}).exit_code, 0);
  const std::string authority = read_file(place + "/ca.pem"),
                    key = read_file(place + "/vault/master.key");
  const auto again = babilu({"certificates", "init", place});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("exists already"));
  EXPECT_EQ(read_file(place + "/ca.pem"), authority);
  EXPECT_EQ(babilu({"certificates", "init", place, "--renew"}).exit_code, 0);
  EXPECT_NE(read_file(place + "/ca.pem"), authority);
  EXPECT_EQ(read_file(place + "/vault/master.key"), key);
  EXPECT_EQ(babilu({"certificates", "init", place + "2", "--host", "no host"}).exit_code, 1);

  const std::string link = directory.path() / "link", before = read_file(place + "/ca.pem");
  std::filesystem::create_directory_symlink(place, link);
  const auto renewed = babilu({"certificates", "init", link, "--renew"});
  EXPECT_EQ(renewed.exit_code, 0) << renewed.err;
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_NE(read_file(place + "/ca.pem"), before);
  EXPECT_EQ(read_file(place + "/vault/master.key"), key);
}

TEST(FreePort, IsGivenOnce) {
  std::set<std::uint16_t> given;
  for (int i = 0; i < 400; ++i) EXPECT_TRUE(given.insert(free_port()).second) << i;
}

}  // namespace
}  // namespace babilu::testing
