// What the program writes, and what becomes of it when that cannot be written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

Outcome babilu(std::vector<std::string> arguments, Environment environment = {}) {
  return run({.arguments = std::move(arguments), .environment = std::move(environment)});
}

Outcome babilu_on_full(std::vector<std::string> arguments, Environment environment = {}) {
  return run({.arguments = std::move(arguments),
              .environment = std::move(environment),
              .out_to = "/dev/full"});
}

TEST(Output, ThatCannotBeWrittenIsAFailure) {
  TemporaryDirectory directory;
  const std::vector<std::vector<std::string>> all{
      {"--help"},
      {"--version"},
      {"whoami", "--help"},
      {"proxy", "--print-config"},
      {"certificates", "init", directory.path() / "c"},
  };
  for (const auto& arguments : all) {
    const auto outcome = babilu_on_full(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments.front();
    EXPECT_THAT(outcome.err, HasSubstr("the standard output: No space left on device"));
  }
}

TEST(Output, OfCommandsThatCannotBeWrittenIsAFailure) {
  Stack stack;
  const Environment secret{{"BABILU_PASSWORD", password}};
  stack.add_account("ada");
  write_file(stack.path() / "letter", "a letter");
  const std::string signature = stack.babilu({"sign", stack.path() / "letter"}).out;
  const std::vector<std::vector<std::string>> all{
      {"signup", "bob"},
      {"signup", "eve", "--json"},
      {"login", "ada"},
      {"whoami"},
      {"whoami", "--json"},
      {"encrypt", stack.path() / "letter"},
      {"verify", "ada", stack.path() / "letter", "--signature", signature},
      {"bots", "--sessions", "1", "--duration", "10ms", "--scenario", "echo"},
  };
  for (const auto& arguments : all) {
    const auto outcome =
        stack.run({.arguments = arguments, .environment = secret, .out_to = "/dev/full"});
    EXPECT_EQ(outcome.exit_code, arguments[0] == "bots" ? 1 : 2) << arguments[0] << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("the standard output: No space left on device"))
        << arguments[0];
  }
  EXPECT_EQ(stack.trouble(), "");
}

/// With one of its standard streams closed, as by `babilu --help >&-`.
Command without(const std::string& stream, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"-c", R"(exec "$0" "$@" )" + stream, program_path()});
  return {.arguments = std::move(arguments), .program = "/bin/sh"};
}

TEST(Output, ThatIsClosedIsAFailure) {
  Stack stack;
  stack.add_account("ada");
  write_file(stack.path() / "letter", "a letter");
  const std::vector<std::vector<std::string>> all{
      {"--help"}, {"proxy", "--print-config"}, {"whoami"}, {"sign", stack.path() / "letter"}};
  for (const auto& arguments : all) {
    const auto outcome = stack.run(without(">&-", arguments));
    EXPECT_EQ(outcome.exit_code, 2) << arguments[0];
    EXPECT_THAT(outcome.err, HasSubstr("the standard output: Bad file descriptor"));
    EXPECT_EQ(stack.run(without("2>&-", arguments)).exit_code, 0) << arguments[0];
  }
  // An input that is closed is none, and nobody means to sign that.
  const auto signed_nothing = stack.run(without("<&-", {"sign"}));
  EXPECT_EQ(signed_nothing.exit_code, 2);
  EXPECT_THAT(signed_nothing.err, HasSubstr("the standard input: Bad file descriptor"));
}

TEST(Output, OfErrorsThatCannotBeWrittenChangesNothing) {
  EXPECT_EQ(run({.arguments = {"verify", "ada"}, .err_to = "/dev/full"}).exit_code, 2);
  EXPECT_EQ(run({.arguments = {"chat"}, .err_to = "/dev/full"}).exit_code, 2);
  EXPECT_EQ(run({.arguments = {"whoam"}, .err_to = "/dev/full"}).exit_code, 2);
  EXPECT_EQ(run({.arguments = {}, .err_to = "/dev/full"}).exit_code, 2);

  Stack stack;
  const auto bots =
      stack.run({.arguments = {"bots", "--sessions", "2", "--duration", "300ms", "--scenario",
                               "echo", "--json", stack.path() / "report"},
                 .err_to = "/dev/full"});
  EXPECT_EQ(bots.exit_code, 0);
  EXPECT_THAT(read_file(stack.path() / "report"), HasSubstr("\"checks\""));
  EXPECT_THAT(bots.out, HasSubstr("Checks"));
}

TEST(Output, OfAServerWithAWarningDoesNotKeepItFromStarting) {
  // BABILU_TARGET is another command's: the proxy says that it ignores it.
  TemporaryDirectory directory;
  const std::uint16_t admin = free_port();
  Process proxy({.arguments = {"proxy", "--backends", "127.0.0.1:1", "--listen", "127.0.0.1:0",
                               "--plaintext-sessions", "--plaintext-links", "--admin-listen",
                               "127.0.0.1:" + std::to_string(admin)},
                 .environment = {{"BABILU_SEED", "1"}},
                 .err_to = "/dev/full"});
  EXPECT_TRUE(eventually([&] { return readiness(admin) != 0 || proxy.ended(); }));
  EXPECT_FALSE(proxy.ended());
  proxy.signal(SIGTERM);
  EXPECT_EQ(proxy.wait(), 0);
}

TEST(Output, FileThatIsADeviceOrALinkStaysOne) {
  Stack stack;
  stack.add_account("ada");
  const fs::path kept = stack.path() / "kept", link = stack.path() / "link";
  write_file(kept, "before\n");
  fs::create_symlink(kept, link);
  const std::string encrypted = stack.babilu({"encrypt", "--armor"}, "secret").out;
  const auto to_stream = stack.run(
      {.arguments = {"decrypt", "--out", "/dev/stdout"}, .input = encrypted, .out_to = kept});
  EXPECT_EQ(to_stream.exit_code, 0) << to_stream.err;
  EXPECT_EQ(read_file(kept), "before\nsecret");
  EXPECT_TRUE(fs::is_symlink("/dev/stdout"));

  EXPECT_EQ(stack.babilu({"decrypt", "--out", link}, encrypted).exit_code, 0);
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(read_file(kept), "secret");

  const auto login = stack.run({.arguments = {"login", "ada", "--token-file", link},
                                .environment = {{"BABILU_PASSWORD", password}}});
  EXPECT_EQ(login.exit_code, 0) << login.err;
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(stack.babilu({"whoami", "--token-file", kept}).exit_code, 0);
  EXPECT_EQ(fs::status(kept).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(Json, IsAnsweredToEveryMistake) {
  TemporaryDirectory directory;
  const Environment secret{{"BABILU_PASSWORD", "long enough"}};
  const std::vector<std::vector<std::string>> all{
      {"whoami", "--json", "--deadline", "0s"},
      {"whoami", "--json", "--deadline"},
      {"whoami", "--tarjet", "x", "--json"},
      {"whoami", "--json", "--name="},
      {"whoami", "--json=true", "one", "two"},
      {"signup", "--json", ""},
      {"verify", "--json"},
      {"verify", "ada", "--json", "--signature", "AAAA", "/none"},
      {"sign", "/none", "--json"},
      {"whoami", "--json", "--token-file", "/none"},
      {"whoami", "--json", "--config", "/none"},
      {"signup", "ada", "--json", "--ca", "/none"},
      {"whoam", "--json"},
      {"bots", "--json", "-", "--ca", "/none"},
      {"bots", "--json", "-", "--rate", "1e-10"},
  };
  for (const auto& arguments : all) {
    const auto outcome = babilu(arguments, secret);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, AllOf(::testing::StartsWith("{\"error\":{"), HasSubstr("exit_code")))
        << ::testing::PrintToString(arguments) << outcome.err;
    EXPECT_NE(outcome.err, "");
  }
  const auto by_variable = babilu({"whoami", "--deadline", "0s"}, {{"BABILU_JSON", "true"}});
  EXPECT_THAT(by_variable.out, HasSubstr("deadline"));
  EXPECT_EQ(babilu({"whoami", "--deadline", "0s", "--json=false"}).out, "");
  EXPECT_EQ(babilu({"whoami", "--deadline", "0s"}).out, "");
  write_file(directory.path() / "c.toml", "json = true\ndeadline = \"0s\"\n");
  EXPECT_THAT(babilu({"whoami", "--config", directory.path() / "c.toml"}).out,
              HasSubstr("\"reason\":\"usage\""));
}

TEST(EmptyValue, IsNeverTheNextArgument) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"bots", "--json=", "--strict"},
           {"bots", "--json", "--strict"},
           {"encrypt", "--out=", "secret.txt"},
           {"encrypt", "--out", "", "secret.txt"},
           {"sign", ""},
           {"verify", "ada", ""},
           {"signup", ""},
           {"whoami", "--name="},
           {"whoami", "--plaintext="},
           {"login", "ada", "--token-file="},
           {"chat", "--name", "ada", "--to", "127.0.0.1:1", "--with="},
           {"chat", "--name", "ada", "--to", "127.0.0.1:1", "--profile", ""},
           {"demo", "--keep="},
           {"certificates", "init", ""},
           {"certificates", "init", "--host="},
           {"proxy", "--config="},
       }) {
    const auto outcome = babilu(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << ::testing::PrintToString(arguments);
    EXPECT_THAT(outcome.err, ::testing::AnyOf(HasSubstr("empty"), HasSubstr("no value"),
                                              HasSubstr("found \"\"")));
  }
}

TEST(EmptyValue, OfAssociatedDataIsOne) {
  Stack stack;
  stack.add_account("ada");
  write_file(stack.path() / "letter", "a letter");
  const auto encrypted =
      stack.babilu({"encrypt", "--armor", "--associated-data=", stack.path() / "letter"});
  EXPECT_EQ(encrypted.exit_code, 0) << encrypted.err;
  EXPECT_EQ(stack.babilu({"decrypt"}, encrypted.out).out, "a letter");
  EXPECT_EQ(stack.babilu({"decrypt", "--associated-data", ""}, encrypted.out).out, "a letter");
}

}  // namespace
}  // namespace babilu::testing
