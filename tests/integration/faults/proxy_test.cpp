// What is done to the proxy itself: ended, reloaded, put behind a balancer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "roles/api/echo.pb.h"
#include "roles/api/methods.h"
#include "tests/integration/faults/load.h"
#include "tests/integration/faults/wait.h"
#include "tests/integration/support/admin.h"
#include "tests/integration/support/frames.h"
#include "tests/integration/support/raw_connection.h"
#include "tests/integration/support/rpc_client.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;

TEST(ProxyFaults, ToldToEndUnderLoadItKeepsItsWord) {
  Stack stack;
  Load load(stack, {.name = "SIGTERM"});
  ASSERT_TRUE(load.begun());
  ASSERT_TRUE(takes_load(stack, 0));
  stack.proxy().signal(SIGTERM);
  EXPECT_EQ(stack.proxy().wait(), 0) << stack.proxy().err();
  stack.restart_proxy();
  ASSERT_TRUE(takes_load(stack, 0));
  expect_kept(load.finish());
}

TEST(ProxyFaults, NewCertificatesAreTakenUpUnderLoad) {
  Stack stack;
  RpcClient before(stack);
  api::EchoRequest request;
  request.set_payload("hello");
  ASSERT_TRUE(before.call(api::Echo::echo, request));
  Load load(stack, {.name = "rotation"});
  ASSERT_TRUE(load.begun());

  // A bad file is refused whole.
  const auto certificate = stack.certificates() / "proxy" / "certificate.pem";
  const std::string good = read_file(certificate);
  const std::string good_key = read_file(stack.certificates() / "proxy" / "key.pem");
  write_file(certificate, "no certificate\n");
  const auto refused = ask_admin(stack.admin_port(), "/reload", "POST");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("certificate.pem"));
  EXPECT_TRUE(stack.proxy().says("reload refused"));
  EXPECT_EQ(stack.trouble(), "");

  // Then those of a new authority: who trusts the old one alone gets no new session.
  write_file(certificate, good);
  const auto other = stack.path() / "other";
  ASSERT_EQ(run({.arguments = {"certificates", "init", other}}).exit_code, 0);
  stack.proxy().signal(SIGHUP);
  EXPECT_TRUE(stack.proxy().says("reloaded"));
  EXPECT_EQ(stack.trouble(), "");
  for (const char* file : {"certificate.pem", "key.pem"}) {
    write_file(stack.certificates() / "proxy" / file, read_file(other / "proxy" / file));
  }
  EXPECT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  EXPECT_NE(
      stack.babilu({"verify", "nobody", "--signature", std::string(86, 'A') + "=="}).exit_code, 1);
  const auto trusting =
      stack.babilu({"verify", "nobody", "--signature", std::string(86, 'A') + "=="}, {},
                   {{"BABILU_CA", other / "ca.pem"}});
  EXPECT_EQ(trusting.exit_code, 1) << trusting.err;

  // Sessions that were there go on as if nothing had been.
  EXPECT_TRUE(before.call(api::Echo::echo, request));
  EXPECT_EQ(before.reconnects(), 0U);
  // What the bots check they may ask on new ones, which need the old certificate again.
  write_file(certificate, good);
  write_file(stack.certificates() / "proxy" / "key.pem", good_key);
  EXPECT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  expect_unnoticed(load.finish());
}

TEST(ProxyFaults, SessionsAreResumedAlsoAfterAReload) {
  Stack stack;
  const auto context = client_context(stack);
  api::EchoRequest request;
  request.set_payload("hello");
  const auto connect = [&] {
    RpcClient client(stack, context);
    EXPECT_TRUE(client.call(api::Echo::echo, request));
    return metric(stack.admin_port(), "babilu_proxy_sessions_resumed_total");
  };
  EXPECT_EQ(connect(), 0);
  EXPECT_EQ(connect(), 1);
  ASSERT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  EXPECT_EQ(connect(), 2);

  // Another certificate of the same authority: no old ticket stands for it.
  for (const char* file : {"certificate.pem", "key.pem"}) {
    write_file(stack.certificates() / "proxy" / file,
               read_file(stack.certificates() / "backend" / file));
  }
  ASSERT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  RpcClient fooled(stack, context);
  EXPECT_TRUE(eventually([&] {
    const auto refused = fooled.call(api::Echo::echo, request, {}, std::chrono::milliseconds(200));
    return !refused && refused.error().message.find("another role") != std::string::npos;
  }));
  EXPECT_EQ(metric(stack.admin_port(), "babilu_proxy_sessions_resumed_total"), 2);
}

TEST(ProxyFaults, TakesUpBackendsAndRefusesWhatNeedsARestart) {
  Stack stack({.backends = 3});
  const std::string a = "127.0.0.1:" + std::to_string(stack.backend_port(0));
  ASSERT_TRUE(wait_for_links(stack, 3));
  EXPECT_THAT(ask_admin(stack.admin_port(), "/stats").body, HasSubstr(a));
  EXPECT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  EXPECT_TRUE(wait_for_links(stack, 3));
  // A backend cannot reload: it says so.
  EXPECT_EQ(ask_admin(stack.backend_admin_port(0), "/reload", "POST").status, 501);
}

/// A session that is there: its hello has come back. Null when it was turned away.
std::unique_ptr<RawConnection> open_session(const Stack& stack) {
  auto session = std::make_unique<RawConnection>(stack.port());
  session->send(hello());
  const std::string answer = session->read(wire::header_bytes);
  const bool greeted = answer.size() >= wire::header_bytes && answer[4] == char(wire::Kind::hello);
  return greeted ? std::move(session) : nullptr;
}

TEST(ProxyFaults, ChangedLimitsHoldForSessionsThatAreThere) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "proxy.toml";
  const std::string limits = "[limits]\nsessions_per_address = 2\nexempt = ";
  write_file(file, limits + "[\"::ffff:127.0.0.0/104\"]\n");
  Stack stack({.proxy = {"--config", file}, .plaintext = true});
  std::vector<std::unique_ptr<RawConnection>> sessions;
  for (int i = 0; i < 3; ++i) {
    sessions.push_back(open_session(stack));
    ASSERT_TRUE(sessions.back());
  }
  write_file(file, limits + "[]\n");
  ASSERT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  EXPECT_TRUE(eventually([&] { return open_session(stack) == nullptr; }));
  sessions.pop_back();  // two are left: as many as may be
  EXPECT_EQ(open_session(stack), nullptr);
  sessions.pop_back();
  EXPECT_TRUE(eventually([&] { return open_session(stack) != nullptr; }));

  write_file(file, limits + "[\"::ffff:127.0.0.0/8\"]\n");
  const auto refused = ask_admin(stack.admin_port(), "/reload", "POST");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("must be 96 or more"));
  write_file(file, limits + "[\"127.0.0.0/8\"]\n");
  ASSERT_EQ(ask_admin(stack.admin_port(), "/reload", "POST").status, 200);
  for (int i = 0; i < 3; ++i) {
    sessions.push_back(open_session(stack));
    EXPECT_TRUE(sessions.back());
  }
}

TEST(ProxyFaults, BehindABalancerClientsKeepTheirAddress) {
  Stack stack({.proxy = {"--balancers", "127.0.0.0/8", "--access-log", "1"}, .plaintext = true});
  const std::string client("\x21\x11\x00\x0C\xC0\x00\x02\x07\x0A\x00\x00\x01\x30\x39\x1C\xE8", 16);
  const std::string header = std::string("\r\n\r\n\0\r\nQUIT\n", 12) + client;
  api::EchoRequest request;
  request.set_payload("hello");
  RawConnection balanced(stack.port());
  balanced.send(header + hello() +
                testing::request(api::Echo::echo.traits.id, 1, request.SerializeAsString()));
  EXPECT_TRUE(stack.proxy().says("client=192.0.2.7:12345"));

  RawConnection direct(stack.port());
  direct.send(hello());
  direct.read_to_end();
  EXPECT_TRUE(stack.proxy().says("send-proxy-v2"));
  RawConnection older(stack.port());
  older.send("PROXY UNKNOWN\r\n");  // and waits
  older.read_to_end();
  EXPECT_TRUE(stack.proxy().says("header of version 1 came: send version 2"));
}

}  // namespace
}  // namespace babilu::testing
