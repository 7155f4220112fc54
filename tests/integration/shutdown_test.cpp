// Ending, in order and not: what was begun is finished, and what is left goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "roles/api/echo.pb.h"
#include "roles/api/methods.h"
#include "roles/api/registry.pb.h"
#include "tests/integration/support/admin.h"
#include "tests/integration/support/raw_connection.h"
#include "tests/integration/support/rpc_client.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;

std::vector<api::SignUpRequest> sign_ups(int count) {
  std::vector<api::SignUpRequest> requests(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    requests[static_cast<std::size_t>(i)].set_name("bot" + std::to_string(i));
    requests[static_cast<std::size_t>(i)].set_password(password);
  }
  return requests;
}

TEST(Shutdown, FinishesWhatWasBegun) {
  // A sign-up's password hash takes long enough to still be at it when the signal comes.
  Stack stack({.quick_passwords = false});
  const auto requests = sign_ups(12);
  RpcClient client(stack);
  const auto outcomes = client.call_all(api::Registry::sign_up, requests, 1, [&] {
    stack.proxy().signal(SIGTERM);
    stack.backend(0).signal(SIGTERM);
    stack.backend(1).signal(SIGTERM);
  });
  for (const auto& outcome : outcomes) {
    EXPECT_TRUE(outcome) << outcome.error().to_string();
  }
  EXPECT_EQ(stack.proxy().wait(), 0) << stack.proxy().err();
  EXPECT_EQ(stack.backend(0).wait(), 0) << stack.backend(0).err();
  EXPECT_EQ(stack.backend(1).wait(), 0) << stack.backend(1).err();
  EXPECT_FALSE(RawConnection(stack.port()).connected());
}

TEST(Shutdown, ASecondSignalEndsAtOnce) {
  Stack stack;
  stack.backend(0).stop();  // so that the proxy has something to wait for
  stack.backend(1).stop();
  Process signup({.arguments = {"signup", "ada", "--target", stack.target(), "--ca",
                                stack.authority(), "--deadline", "60s"},
                  .environment = {{"BABILU_PASSWORD", password}}});
  ASSERT_TRUE(eventually(
      [&] { return metric(stack.admin_port(), "babilu_proxy_backend_in_flight") == 1; }));
  stack.proxy().signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return readiness(stack.admin_port()) == 503; }));
  stack.proxy().signal(SIGTERM);
  EXPECT_EQ(stack.proxy().wait(), 128 + SIGTERM);
}

TEST(Shutdown, ALostBackendDoesNotEndTheRest) {
  Stack stack;
  Process bots({.arguments = {"bots", "--target", stack.target(), "--ca", stack.authority(),
                              "--scenario", "mixed", "--sessions", "8", "--duration", "1500ms",
                              "--json", stack.path() / "report.json"}});
  ASSERT_TRUE(bots.says("load:")) << bots.err();
  stack.backend(1).signal(SIGKILL);
  EXPECT_EQ(stack.backend(1).wait(), 128 + SIGKILL);

  const int code = bots.wait();
  const std::string report = read_file(stack.path() / "report.json");
  for (const char* found : {"\"lost\": 0", "\"duplicated\": 0", "\"corrupt\": 0"}) {
    EXPECT_THAT(report, HasSubstr(found)) << bots.err();
  }
  EXPECT_THAT(report, ::testing::Not(HasSubstr("\"acknowledged\": 0,\n    \"lost\"")));
  EXPECT_EQ(code, 0) << bots.out() << bots.err();

  EXPECT_EQ(readiness(stack.admin_port()), 200);
  stack.restart_backend(1);
  EXPECT_EQ(stack.trouble(), "");
  stack.backend(0).signal(SIGKILL);
  EXPECT_EQ(stack.backend(0).wait(), 128 + SIGKILL);
  // The other one takes over, on a link that is made anew.
  EXPECT_TRUE(eventually([&] {
    return stack.babilu({"verify", "nobody", "--signature", std::string(86, 'A') + "=="})
               .exit_code == 1;
  }));
  EXPECT_FALSE(stack.proxy().ended());
}

}  // namespace
}  // namespace babilu::testing
