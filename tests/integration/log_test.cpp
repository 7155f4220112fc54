// What a server writes, and what it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <sstream>

#include "tests/integration/support/admin.h"
#include "tests/integration/support/raw_connection.h"
#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ServerLog : public ::testing::Test {
 protected:
  ServerLog() {
    EXPECT_EQ(run({.arguments = {"certificates", "init", certificates()}}).exit_code, 0);
  }
  std::string certificates() const { return directory_.path() / "c"; }
  Command proxy(const std::string& host, Environment environment = {}) const {
    return {.arguments = {"proxy", "--certificates", certificates(), "--listen",
                          host + ":" + std::to_string(port_), "--admin-listen",
                          "127.0.0.1:" + std::to_string(port_ + 1), "--backends", "127.0.0.1:1"},
            .environment = std::move(environment)};
  }
  bool answers(Process& process) const {
    const auto admin = static_cast<std::uint16_t>(port_ + 1);
    return eventually([&] { return readiness(admin) != 0 || process.ended(); }) && !process.ended();
  }
  const std::uint16_t port_ = free_port({1});

 private:
  TemporaryDirectory directory_;
};

TEST_F(ServerLog, SaysNothingOfThoseWhoOnlyLookWhetherItIsThere) {
  Process process(proxy("[::]"));
  if (!answers(process)) GTEST_SKIP() << "no IPv6 here: " << process.err();
  {
    const RawConnection looks(port_);
  }
  {
    RawConnection looks(port_);
    looks.reset();
  }
  RawConnection speaks(port_);
  ASSERT_TRUE(speaks.send("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(process.says("handshake failed"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
  const std::string log = process.err();
  EXPECT_EQ(log.find("handshake failed"), log.rfind("handshake failed")) << log;
  // Whoever came by IPv4 has such an address.
  EXPECT_THAT(log, AllOf(HasSubstr("remote=127.0.0.1:"), Not(HasSubstr("ffff"))));
}

TEST_F(ServerLog, OfABackendSaysNothingOfThemEither) {
  Process process(
      {.arguments = {"backend", "--certificates", certificates(), "--master-key-file",
                     certificates() + "/vault/master.key", "--database", certificates() + "/b.db",
                     "--listen", "127.0.0.1:" + std::to_string(port_), "--admin-listen",
                     "127.0.0.1:" + std::to_string(port_ + 1)}});
  ASSERT_TRUE(answers(process)) << process.err();
  {
    const RawConnection looks(port_);
  }
  {
    RawConnection looks(port_);
    looks.reset();
  }
  RawConnection speaks(port_);
  ASSERT_TRUE(speaks.send("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(process.says("handshake failed"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
  const std::string log = process.err();
  EXPECT_EQ(log.find("handshake failed"), log.rfind("handshake failed")) << log;
}

TEST_F(ServerLog, AndReadinessSayWhyABackendIsDown) {
  Process process(proxy("127.0.0.1"));
  EXPECT_TRUE(process.says("backend is down"));
  const auto readiness = ask_admin(static_cast<std::uint16_t>(port_ + 1), "/readyz?verbose");
  EXPECT_EQ(readiness.status, 503);
  EXPECT_THAT(readiness.body,
              HasSubstr("no backend is connected: 127.0.0.1:1: Connection refused"));
}

TEST_F(ServerLog, SaysNothingOfThoseWhoLookWithoutAWord) {
  Command command = proxy("127.0.0.1");
  command.arguments.insert(command.arguments.end(), {"--plaintext-sessions", "--plaintext-links"});
  Process process(command);
  ASSERT_TRUE(answers(process));
  {
    RawConnection looks(port_);
    EXPECT_GE(looks.read(1).size(), 1U);  // a session has begun
    looks.reset();
  }
  RawConnection speaks(port_);
  ASSERT_TRUE(speaks.send(std::string(64, 'x')));
  EXPECT_TRUE(process.says("session ended"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
  const std::string log = process.err();
  EXPECT_EQ(log.find("session ended"), log.rfind("session ended")) << log;
}

TEST_F(ServerLog, KnowsWhatTheDemoTellsPeopleToExport) {
  Process process(proxy("127.0.0.1", {{"BABILU_CACHE", "/elsewhere"},
                                      {"BABILU_CA", certificates() + "/ca.pem"},
                                      {"BABILU_TARGET", "127.0.0.1:7400"}}));
  ASSERT_TRUE(answers(process));
  EXPECT_THAT(process.err(), Not(HasSubstr("ignored")));
}

TEST_F(ServerLog, IsForMachinesFromItsFirstLine) {
  for (const std::vector<std::string>& mistake : std::vector<std::vector<std::string>>{
           {"proxy", "--log-format", "json", "--limits-sessions", "0", "--threads", "x"},
           {"backend", "--log-format", "json", "--certificates", "/none"},
           {"proxy", "--log-format=json", "--certificates", "/none"}}) {
    const auto outcome = run({.arguments = mistake, .environment = {{"BABILU_X_Y_Z", "1"}}});
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_NE(outcome.err, "");
    std::istringstream lines(outcome.err);
    for (std::string line; std::getline(lines, line);) EXPECT_THAT(line, StartsWith("{\"time\":"));
  }
}

}  // namespace
}  // namespace babilu::testing
