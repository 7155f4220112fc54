// Backends that die, hang, flap, leave, or are brought down by a request: what clients notice of
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <utility>

#include "roles/api/echo.pb.h"
#include "roles/api/methods.h"
#include "tests/integration/faults/load.h"
#include "tests/integration/faults/wait.h"
#include "tests/integration/support/admin.h"
#include "tests/integration/support/rpc_client.h"
#include "tests/support/size.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;

std::string name_of(const Stack& stack, std::size_t backend) {
  return "127.0.0.1:" + std::to_string(stack.backend_port(backend));
}

TEST(BackendFaults, AKilledBackendIsNotNoticed) {
  Stack stack;
  Load load(stack, {.name = "kill -9"});
  Load echoes(stack, {.name = "echo", .scenario = "echo", .rate = 500});
  ASSERT_TRUE(load.begun());
  ASSERT_TRUE(echoes.begun());
  for (int i = 0; i < test::repetitions(1, 20); ++i) {
    ASSERT_TRUE(takes_load(stack, 1));
    kill(stack.backend(1));
    ASSERT_TRUE(wait_for_links(stack, 1));
    ASSERT_TRUE(takes_load(stack, 0));
    stack.restart_backend(1);
    ASSERT_TRUE(wait_for_links(stack, 2));
    ASSERT_TRUE(takes_load(stack, 1));
  }
  expect_unnoticed(load.finish());
  expect_unnoticed(echoes.finish());
}

TEST(BackendFaults, WhatAKilledBackendHadIsAnsweredByTheOther) {
  Stack stack;
  Load load(stack, {.name = "in hand"});
  ASSERT_TRUE(load.begun());
  double resent = 0;
  for (int i = 0; i < test::repetitions(1, 20); ++i) {
    ASSERT_TRUE(takes_load(stack, 1));
    stack.backend(1).stop();
    ASSERT_TRUE(is_sent_more(stack, 1));
    kill(stack.backend(1));
    ASSERT_TRUE(wait_for_links(stack, 1));
    ASSERT_TRUE(takes_load(stack, 0));
    const double before =
        std::exchange(resent, metric(stack.admin_port(), "babilu_proxy_requests_resent_total"));
    EXPECT_GT(resent, before) << i;
    stack.restart_backend(1);
    ASSERT_TRUE(wait_for_links(stack, 2));
  }
  expect_unnoticed(load.finish());
}

TEST(BackendFaults, AFlappingBackendIsNotNoticed) {
  Stack stack;
  Load load(stack, {.name = "flapping"});
  ASSERT_TRUE(load.begun());
  for (int i = 0; i < test::repetitions(6, 40); ++i) {
    const std::size_t victim = i % 2 == 0 ? 0 : 1;
    ASSERT_TRUE(takes_load(stack, 1 - victim));
    kill(stack.backend(victim));
    stack.restart_backend(victim);
    ASSERT_TRUE(wait_for_links(stack, 2));
  }
  expect_unnoticed(load.finish());
}

TEST(BackendFaults, AHangingBackendCostsNoSessionAndNoData) {
  Stack stack;
  Load load(stack, {.name = "SIGSTOP"});
  Load echoes(stack, {.name = "echo", .scenario = "echo"});
  ASSERT_TRUE(load.begun());
  ASSERT_TRUE(echoes.begun());
  ASSERT_TRUE(takes_load(stack, 0));
  stack.backend(1).stop();
  // Nobody is told: its silence must be noticed.
  ASSERT_TRUE(wait_for_links(stack, 1));
  EXPECT_TRUE(stack.proxy().says("does not answer"));
  stack.backend(1).signal(SIGCONT);
  ASSERT_TRUE(wait_for_links(stack, 2));
  EXPECT_TRUE(takes_load(stack, 1));
  // While it hangs it may hold the lock of the database file; echoes do not need that.
  expect_only(load.finish(), {"unavailable", "deadline_exceeded"});
  expect_unnoticed(echoes.finish());
}

TEST(BackendFaults, WithoutBackendsItSaysSoAndRecovers) {
  Stack stack;
  RpcClient client(stack);
  api::EchoRequest request;
  request.set_payload("are you there?");
  ASSERT_TRUE(client.call(api::Echo::echo, request));
  kill(stack.backend(0));
  kill(stack.backend(1));
  ASSERT_TRUE(wait_for_links(stack, 0));
  EXPECT_EQ(readiness(stack.admin_port()), 503);
  EXPECT_THAT(ask_admin(stack.admin_port(), "/readyz?verbose").body, HasSubstr("no backend"));
  // It waits for a backend until little of the request's time is left: too little, for once, on a
  // machine that is busy.
  auto refused = client.call(api::Echo::echo, request, {}, 2s);
  for (int more = 0; more < 20 && !refused; ++more) {
    if (refused.error().code != rpc::Code::deadline_exceeded) break;
    refused = client.call(api::Echo::echo, request, {}, 2s);
  }
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, rpc::Code::unavailable) << refused.error().to_string();
  EXPECT_EQ(refused.error().reason, "no_backend");
  EXPECT_GT(refused.error().retry_after, 0ms);
  stack.restart_backend(0);
  stack.restart_backend(1);
  ASSERT_TRUE(wait_for_links(stack, 2));
  EXPECT_EQ(readiness(stack.admin_port()), 200);
  EXPECT_TRUE(client.call(api::Echo::echo, request));
  EXPECT_EQ(client.reconnects(), 0U);
}

TEST(BackendFaults, WithoutBackendsSessionsLastAndWhoHasTimeIsServed) {
  Stack stack;
  RpcClient patient(stack);
  Load load(stack, {.name = "none", .scenario = "echo"});
  ASSERT_TRUE(load.begun());
  ASSERT_TRUE(takes_load(stack));
  kill(stack.backend(0));
  kill(stack.backend(1));
  ASSERT_TRUE(wait_for_links(stack, 0));
  const auto outcomes = patient.call_all(api::Echo::echo, std::vector<api::EchoRequest>(10), 0,
                                         [&] { stack.restart_backend(0); });
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(patient.reconnects(), 0U);
  stack.restart_backend(1);
  ASSERT_TRUE(takes_load(stack));
  // Those that both backends lost may have failed; deadlines did not pass.
  expect_only(load.finish(), {"unavailable"});
}

TEST(BackendFaults, ARequestThatKillsBackendsKillsTwoAndIsRefused) {
  Stack stack({.backends = 3, .backend_program = CRASHING_BACKEND});
  ASSERT_TRUE(wait_for_links(stack, 3));
  RpcClient client(stack);
  api::EchoRequest deadly;
  deadly.set_payload("crash");
  const auto outcome = client.call(api::Echo::echo, deadly);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, rpc::Code::unavailable) << outcome.error().to_string();
  const auto dead = [&] {
    int count = 0;
    for (std::size_t i = 0; i < 3; ++i) count += stack.backend(i).ended() ? 1 : 0;
    return count;
  };
  // A process that dies closes its connections before it has ended.
  EXPECT_TRUE(eventually([&] { return dead() == 2; }));
  api::EchoRequest harmless;
  harmless.set_payload("hello");
  EXPECT_TRUE(client.call(api::Echo::echo, harmless));
  EXPECT_EQ(dead(), 2);
  EXPECT_EQ(client.reconnects(), 0U);
}

TEST(BackendFaults, DrainingOneMovesItsWorkAway) {
  Stack stack;
  Load load(stack, {.name = "drain one"});
  ASSERT_TRUE(load.begun());
  ASSERT_TRUE(takes_load(stack, 1));
  const std::string path = "/backends/" + name_of(stack, 1);
  EXPECT_EQ(ask_admin(stack.admin_port(), path + "/drain").status, 405);
  EXPECT_EQ(ask_admin(stack.admin_port(), "/backends/nobody:1/drain", "POST").status, 404);
  EXPECT_EQ(ask_admin(stack.admin_port(), path + "/drain", "POST").status, 202);
  ASSERT_TRUE(eventually([&] {
    return ask_admin(stack.admin_port(), "/stats").body.find("\"draining\"") != std::string::npos;
  }));
  // What was on its way when it was asked is all that may still come.
  const std::string of_it = "{backend=\"" + name_of(stack, 1) + "\"}";
  ASSERT_TRUE(eventually(
      [&] { return metric(stack.admin_port(), "babilu_proxy_backend_in_flight" + of_it) == 0; }));
  const auto answered = [&] {
    return metric(stack.admin_port(), "babilu_proxy_backend_requests_total" + of_it);
  };
  const double before = answered();
  ASSERT_TRUE(takes_load(stack, 0));
  EXPECT_EQ(answered(), before);
  // So it can be taken away now, and nobody notices.
  stack.backend(1).signal(SIGTERM);
  EXPECT_EQ(stack.backend(1).wait(), 0);
  stack.restart_backend(1);
  EXPECT_EQ(ask_admin(stack.admin_port(), path + "/undrain", "POST").status, 202);
  EXPECT_TRUE(takes_load(stack, 1));
  expect_unnoticed(load.finish());
}

TEST(BackendFaults, ADatabaseThatIsMovedAwayStopsThemAndComesBackWhole) {
  Stack stack;
  stack.add_account("ada");
  const auto database = stack.path() / "babilu.db";
  const auto ready = [&](int status) {
    return eventually([&] { return readiness(stack.backend_admin_port(0)) == status; });
  };
  ASSERT_TRUE(ready(200));
  std::filesystem::rename(database, stack.path() / "old.db");
  EXPECT_TRUE(ready(503));
  const Outcome refused = stack.babilu({"signup", "bob"}, {}, {{"BABILU_PASSWORD", password}});
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  // One that starts meanwhile makes no new database.
  stack.backend(1).signal(SIGTERM);
  stack.backend(1).wait();
  EXPECT_ANY_THROW(stack.restart_backend(1));
  EXPECT_FALSE(std::filesystem::exists(database));

  std::filesystem::rename(stack.path() / "old.db", database);
  EXPECT_TRUE(ready(200));
  stack.restart_backend(1);
  EXPECT_EQ(stack.babilu({"login", "ada"}, {}, {{"BABILU_PASSWORD", password}}).exit_code, 0);
  EXPECT_EQ(stack.stop(), "");
}

}  // namespace
}  // namespace babilu::testing
