// The whole stack with one command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include <fmt/format.h>

#include "tests/integration/support/raw_connection.h"
#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::uint16_t free_base() {
  return free_port({1, 2, 80, 81, 82});
}

std::vector<std::string> quickly(std::uint16_t base, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{
      "demo", "--port-base", std::to_string(base), "--duration", "200ms", "--sessions", "2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

bool anybody_at(std::uint16_t port) {
  return RawConnection(port).connected();
}

/// The token that a demo says its admin endpoints ask for.
std::string token_in(const std::string& said) {
  const std::string before = "token      ";
  const auto at = said.find(before);
  if (at == said.npos) return {};
  return said.substr(at + before.size(), said.find(',', at) - at - before.size());
}

/// The process that an admin endpoint belongs to.
pid_t process_at(std::uint16_t admin_port, const std::string& token) {
  RawConnection connection(admin_port);
  connection.send(
      fmt::format("GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                  "Authorization: Bearer {}\r\n\r\n",
                  token));
  const std::string answer = connection.read_to_end();
  const auto at = answer.find("\"pid\":");
  return at == std::string::npos ? 0 : std::atoi(answer.c_str() + at + 6);
}

TEST(Demo, RunsAndEndsInOrder) {
  TemporaryDirectory directory;
  const std::uint16_t base = free_base();
  const auto demo =
      run({.arguments = quickly(base, {"--exit", "--keep", directory.path() / "kept"}),
           .environment = {{"BABILU_TARGET", "192.0.2.1:1"}}});
  EXPECT_EQ(demo.exit_code, 0) << demo.err << demo.out;
  EXPECT_THAT(demo.out, AllOf(HasSubstr("registry.SignUp"), HasSubstr("vault.Encrypt"),
                              HasSubstr("Checks: passed")));
  EXPECT_FALSE(anybody_at(base));
  for (const char* report : {"signup.json", "encrypt.json"}) {
    EXPECT_THAT(read_file(directory.path() / "kept" / report), HasSubstr("\"lost\": 0")) << report;
  }
}

TEST(Demo, StaysUpUntilItIsInterrupted) {
  TemporaryDirectory directory;
  const std::uint16_t base = free_base();
  Process demo({.arguments = quickly(base), .environment = {{"TMPDIR", directory.path()}}});
  ASSERT_TRUE(eventually(
      [&] { return demo.out().find("Ctrl-C ends it") != std::string::npos || demo.ended(); }));
  ASSERT_FALSE(demo.ended()) << demo.err();
  EXPECT_FALSE(std::filesystem::is_empty(directory.path()));
  EXPECT_EQ(readiness(static_cast<std::uint16_t>(base + 80)), 200);
  demo.signal(SIGINT);
  EXPECT_EQ(demo.wait(), 0) << demo.err();
  for (const int port : {0, 1, 2, 80, 81, 82}) {
    EXPECT_FALSE(anybody_at(static_cast<std::uint16_t>(base + port))) << port;
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(Demo, SaysWhenAProcessDies) {
  const std::uint16_t base = free_base();
  Process demo({.arguments = quickly(base)});
  const auto backend_admin = static_cast<std::uint16_t>(base + 82);
  ASSERT_TRUE(eventually(
      [&] { return demo.out().find("Ctrl-C ends it") != std::string::npos || demo.ended(); }));
  const pid_t backend = process_at(backend_admin, token_in(demo.out()));
  ASSERT_GT(backend, 0);
  EXPECT_EQ(process_at(backend_admin, ""), 0) << "who does not know it is not told";
  ::kill(backend, SIGKILL);
  EXPECT_EQ(demo.wait(), 1);
  EXPECT_THAT(demo.err(),
              AllOf(HasSubstr("backend-b ended with code 137"), HasSubstr("backend listens")));
  EXPECT_FALSE(anybody_at(base));
}

TEST(Demo, EndsInOrderWhenNobodyCanReadIt) {
  TemporaryDirectory directory;
  const std::uint16_t base = free_base();
  Process demo({.arguments = quickly(base),
                .environment = {{"TMPDIR", directory.path()}},
                .out_to = "/dev/full"});
  ASSERT_TRUE(eventually([&] { return demo.ended().has_value(); }));
  EXPECT_EQ(demo.wait(), 2) << demo.err();
  EXPECT_THAT(demo.err(), HasSubstr("the standard output: No space left on device"));
  EXPECT_FALSE(anybody_at(base));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(Demo, SaysWhereNothingCanBeKept) {
  const auto demo = run({.arguments = quickly(free_base(), {"--exit", "--keep", program_path()})});
  EXPECT_EQ(demo.exit_code, 2);
  EXPECT_THAT(demo.err, HasSubstr("nothing can be kept in " + program_path() +
                                  "; name another directory by --keep: Not a directory"));
}

TEST(Demo, NamesTheTakenPort) {
  const std::uint16_t base = free_base();
  TemporaryDirectory directory;
  // Something else that listens on one of the six.
  const std::string taken = "127.0.0.1:" + std::to_string(base + 81);
  Process other({.arguments = {"proxy", "--plaintext-sessions", "--plaintext-links", "--listen",
                               taken, "--admin-listen", "127.0.0.1:0"}});
  ASSERT_TRUE(other.says("proxy listens")) << other.err();
  const auto demo =
      run({.arguments = quickly(base, {"--exit"}), .environment = {{"TMPDIR", directory.path()}}});
  EXPECT_EQ(demo.exit_code, 2);
  EXPECT_THAT(demo.err, AllOf(HasSubstr(taken), HasSubstr("--port-base")));
  EXPECT_EQ(demo.out, "");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace babilu::testing
