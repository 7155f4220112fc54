// What /readyz says of a proxy that has no backend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include <fmt/format.h>

#include "tests/integration/support/admin.h"
#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Readiness, SaysWhyEachBackendIsDown) {
  const Stack others({.backends = 1});  // of another authority
  const TemporaryDirectory directory;
  const auto certificates = directory.path() / "certificates";
  ASSERT_EQ(run({.arguments = {"certificates", "init", certificates}}).exit_code, 0);
  const std::string foreign = fmt::format("127.0.0.1:{}", others.backend_port(0));
  const std::string refused = fmt::format("127.0.0.1:{}", free_port());
  const std::string unknown = "no-such-host.invalid:7401";
  const auto file = directory.path() / "proxy.toml";
  write_file(file, fmt::format("backends = [\"{}\", \"{}\", \"{}\"]\n", foreign, refused, unknown));
  const std::uint16_t admin = free_port();
  Process proxy(
      {.arguments = {"proxy", "--config", file, "--listen", "127.0.0.1:0", "--admin-listen",
                     fmt::format("127.0.0.1:{}", admin), "--certificates", certificates},
       .environment = {{"BABILU_ADMIN_TOKEN", std::string(admin_token)}}});

  const auto answer = [&] { return ask_admin(admin, "/readyz?verbose"); };
  const auto says = [&](const std::string& text) {
    return eventually([&] { return answer().body.find(text) != std::string::npos; });
  };
  for (const std::string& backend : {foreign, refused, unknown}) {
    EXPECT_TRUE(says(backend + ": ")) << answer().body;
    EXPECT_TRUE(proxy.says("backend=" + backend)) << proxy.err();
  }
  EXPECT_EQ(answer().status, 503);
  EXPECT_THAT(answer().body, AllOf(HasSubstr("no backend is connected"),
                                   HasSubstr(refused + ": Connection refused"),
                                   HasSubstr("certificate"), Not(HasSubstr("more"))));

  // More than a line takes are counted.
  const std::string another = fmt::format("127.0.0.1:{}", free_port());
  write_file(file, fmt::format("backends = [\"{}\", \"{}\", \"{}\", \"{}\"]\n", foreign, refused,
                               unknown, another));
  ASSERT_EQ(ask_admin(admin, "/reload", "POST").status, 200);
  EXPECT_TRUE(says("; and 1 more")) << answer().body;
  proxy.signal(SIGTERM);
  EXPECT_EQ(proxy.wait(), 0);
}

}  // namespace
}  // namespace babilu::testing
