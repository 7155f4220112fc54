// A reload is taken up whole or not at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include <boost/json.hpp>

#include "tests/integration/faults/wait.h"
#include "tests/integration/support/admin.h"
#include "tests/integration/support/frames.h"
#include "tests/integration/support/raw_connection.h"
#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;

json::value section(const Stack& stack, const char* name) {
  return json::parse(ask_admin(stack.admin_port(), "/stats").body).at("sections").at(name);
}

/// The limits in force, and which backends there are: what a reload could have changed.
std::string in_force(const Stack& stack) {
  const json::value limits = section(stack, "limits");
  json::object shown;
  for (const char* name : {"sessions", "sessions_per_address", "requests_per_second",
                           "total_handshakes_per_second", "overrides", "exempt_networks"}) {
    shown[name] = limits.at(name);
  }
  return json::serialize(shown);
}

TEST(Reload, IsTakenUpWholeOrNotAtAll) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "proxy.toml";
  const std::string before = "access_log = 0\n[limits]\nsessions = 100\n";
  write_file(file, before);
  Stack stack({.proxy = {"--config", file}, .plaintext = true});
  ASSERT_TRUE(wait_for_links(stack, 2));
  const std::string old_limits = in_force(stack);

  // All is right but one thing at a time; nothing of the rest may be taken up.
  const std::string changed = "access_log = 1\n[limits]\nsessions = 50\nrequests_per_second = 7\n";
  const auto expect_refused = [&](const std::string& text, const char* why) {
    write_file(file, text);
    const auto refused = ask_admin(stack.admin_port(), "/reload", "POST");
    EXPECT_EQ(refused.status, 409) << why;
    EXPECT_THAT(refused.body, HasSubstr(why));
    EXPECT_EQ(in_force(stack), old_limits) << why;
  };
  expect_refused(changed + "streams = 0\n", "streams");
  expect_refused(changed + "exempt = [\"10.0.0.0/8\"]\noverrides = [\"10.0.0.0/8\"]\n", "override");
  expect_refused("threads = 2\n" + changed, "need a restart");
  const auto certificate = stack.certificates() / "proxy" / "certificate.pem";
  const std::string good = read_file(certificate);
  write_file(certificate, "no certificate\n");
  expect_refused(changed, "certificate.pem");
  write_file(certificate, good);
  EXPECT_EQ(stack.trouble(), "");
  EXPECT_THAT(stack.proxy().err(), Not(HasSubstr("request client=")))
      << "the access log was not turned on";

  write_file(file, changed);
  ASSERT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  const json::value limits = section(stack, "limits");
  EXPECT_EQ(limits.at("sessions"), 50);
  EXPECT_EQ(limits.at("requests_per_second"), 7);
  EXPECT_EQ(stack.trouble(), "");
  EXPECT_TRUE(stack.proxy().says("request client="));

  // What each event loop has for itself is taken up as well: who asks without a header is told.
  write_file(file, "balancers = [\"127.0.0.0/8\"]\n" + changed);
  ASSERT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  RawConnection direct(stack.port());
  direct.send(hello());
  EXPECT_TRUE(stack.proxy().says("send-proxy-v2"));
}

/// A proxy that has its backends from a file, before those of a stack.
class ProxyWithFile {
 public:
  ProxyWithFile(const Stack& stack, const std::filesystem::path& file)
      : admin_(free_port()),
        process_({.arguments = {"proxy", "--config", file, "--listen", "127.0.0.1:0",
                                "--admin-listen", "127.0.0.1:" + std::to_string(admin_),
                                "--certificates", stack.certificates()},
                  .environment = {{"BABILU_ADMIN_TOKEN", std::string(admin_token)}}}) {}

  Process& process() noexcept { return process_; }
  int links() const { return static_cast<int>(metric(admin_, "babilu_proxy_links_up")); }
  AdminAnswer reload() const { return ask_admin(admin_, "/reload", "POST"); }
  int readiness() const { return testing::readiness(admin_); }

 private:
  std::uint16_t admin_;
  Process process_;
};

TEST(Reload, AnEmptiedFileDropsNoBackends) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "proxy.toml";
  Stack stack;
  const std::string backends = "backends = [\"127.0.0.1:" + std::to_string(stack.backend_port(0)) +
                               "\", \"127.0.0.1:" + std::to_string(stack.backend_port(1)) + "\"]\n";
  write_file(file, backends);
  ProxyWithFile proxy(stack, file);
  ASSERT_TRUE(eventually([&] { return proxy.links() == 2 && proxy.readiness() == 200; }))
      << proxy.process().err();
  for (const char* nothing : {"", "\n \n", "# backends = []\n"}) {
    write_file(file, nothing);
    const auto refused = proxy.reload();
    EXPECT_EQ(refused.status, 409) << nothing;
    EXPECT_THAT(refused.body, HasSubstr("found nothing in it")) << nothing;
  }
  proxy.process().signal(SIGHUP);
  EXPECT_TRUE(proxy.process().says("reload refused"));
  write_file(file, "access_log = 0\n" + backends);
  EXPECT_EQ(proxy.reload().status, 200);
  EXPECT_EQ(proxy.links(), 2) << "and they were there all the time";
  EXPECT_THAT(proxy.process().err(), Not(HasSubstr("link lost")));
  EXPECT_EQ(proxy.readiness(), 200);
  proxy.process().signal(SIGTERM);
  EXPECT_EQ(proxy.process().wait(), 0);
}

}  // namespace
}  // namespace babilu::testing
