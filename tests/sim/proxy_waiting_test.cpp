// Requests that wait for a backend: who is served, in which order, and what the others are told.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/wire_site.h"

namespace babilu::test {
namespace {

using rpc::Code;
using wire::Kind;

task<> until_answered(WireSite& site, std::uint32_t stream) {
  co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
}

task<> in_order(WireSite& site) {
  std::vector<std::uint32_t> streams;
  for (const char* payload : {"one", "two", "three"}) streams.push_back(site.client->ask(payload));
  const std::uint32_t other = site.client->ask("of service 2", {.method = 0x0201});
  streams.push_back(site.client->ask("four"));
  co_await site.sleep(100ms);
  EXPECT_EQ(site.client->count(Kind::reply), 0u);
  co_await site.start({"a"});
  co_await site.until([&] { return site["a"].asked() == 4; }, "those of service 1 are sent");
  EXPECT_EQ(site["a"].end().requests(), (std::vector<std::string>{"one", "two", "three", "four"}));
  site["a"].end().reply_to_all();
  for (const std::uint32_t stream : streams) {
    co_await until_answered(site, stream);
    EXPECT_EQ(site.client->outcome(stream), "ok");
  }
  EXPECT_EQ(site.client->outcome(other), "waiting");
  site["b"].options.services = {2};
  co_await site.start({"b"});
  co_await site.until([&] { return site["b"].asked() == 1; }, "that of service 2 is sent");
  EXPECT_EQ(site["b"].end().requests(), std::vector<std::string>{"of service 2"});
  site["b"].end().reply_to_all();
  co_await until_answered(site, other);
  EXPECT_EQ(site["a"].asked(), 4u);
  // They have left the queue, and nobody gives them up later.
  co_await site.sleep(20s);
  EXPECT_EQ(site.client->count(Kind::reply), 5u);
}
TEST(Waiting, IsServedInOrderByWhoOffersTheService) {
  proxy::ProxyOptions options;
  options.relay.wait_for_backend = 10s;
  run_wire_unstarted({"a", "b"}, in_order, options);
}

task<> time_is_spent(WireSite& site) {
  const auto began = site.now();
  site.client->ask("with a deadline", {.milliseconds = 5000});
  site.client->ask("without");
  co_await site.sleep(400ms);
  co_await site.start({"a"});
  co_await site.until([&] { return site["a"].asked() == 2; }, "sent");
  const WireEnd::Seen first = site["a"].end().nth(Kind::request, 0);
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(first.at - began);
  EXPECT_NEAR(first.head.value, 5000 - spent.count(), 2);
  EXPECT_NEAR(site["a"].end().nth(Kind::request, 1).head.value, 30'000 - spent.count(), 2)
      << "0 is the usual time";
  EXPECT_EQ(first.attempt, 1u);
}
TEST(Waiting, CountsAgainstTheDeadline) {
  run_wire_unstarted({"a"}, time_is_spent);
}

task<> answered_in_time(WireSite& site) {
  const auto began = site.now();
  const std::uint32_t hasty = site.client->ask("x", {.milliseconds = 500});
  const std::uint32_t patient = site.client->ask("x", {.milliseconds = 60'000});
  const std::uint32_t timeless = site.client->ask();
  co_await until_answered(site, hasty);
  EXPECT_LT(site.now() - began, 500ms) << "before its caller gives up";
  EXPECT_GE(site.now() - began, 400ms);
  EXPECT_EQ(site.client->outcome(hasty), "deadline");
  co_await until_answered(site, patient);
  co_await until_answered(site, timeless);
  EXPECT_EQ(site.client->outcome(patient), "no_backend");
  EXPECT_EQ(site.client->outcome(timeless), "no_backend");
  EXPECT_GE(site.now() - began, 1s);
  EXPECT_LE(site.now() - began, 1100ms);
}
TEST(Waiting, EndsWithAnAnswerBeforeTheDeadline) {
  run_wire_unstarted({"a"}, answered_in_time);
}

task<> as_told(WireSite& site) {
  const auto began = site.now();
  const std::uint32_t stream = site.client->ask();
  co_await until_answered(site, stream);
  EXPECT_GE(site.now() - began, 3s);
  EXPECT_LE(site.now() - began, 3100ms);
}
TEST(Waiting, TakesAsLongAsIsConfigured) {
  proxy::ProxyOptions options;
  options.relay.wait_for_backend = 3s;
  run_wire_unstarted({"a"}, as_told, options);
}

task<> cancelled(WireSite& site) {
  const std::uint32_t first = site.client->ask("first");
  const std::uint32_t second = site.client->ask("second");
  const std::uint32_t third = site.client->ask("third");
  co_await site.sleep(10ms);
  site.client->cancel(second);
  co_await until_answered(site, second);
  EXPECT_EQ(site.client->answer(second).status.code, Code::cancelled);
  EXPECT_EQ(site.client->outcome(first), "waiting");
  co_await site.start({"a"});
  co_await site.until([&] { return site["a"].asked() == 2; }, "sent");
  EXPECT_EQ(site["a"].end().requests(), (std::vector<std::string>{"first", "third"}));
  site["a"].end().reply_to_all();
  co_await until_answered(site, third);
  EXPECT_EQ(site.client->count(Kind::reply), 3u);
}
TEST(Waiting, OneThatIsCancelledIsAnsweredAndNotSent) {
  run_wire_unstarted({"a"}, cancelled);
}

task<> client_left(WireSite& site) {
  WireEnd* const leaving = co_await site.connect_from("leaving");
  leaving->ask("of one who left");
  const std::uint32_t stays = site.client->ask("of one who stays");
  co_await site.sleep(10ms);
  leaving->abort();
  co_await site.sleep(10ms);
  co_await site.start({"a"});
  co_await site.until([&] { return site["a"].asked() > 0; }, "sent");
  site["a"].end().reply_to_all();
  co_await until_answered(site, stays);
  co_await site.sleep(20s);
  EXPECT_EQ(site["a"].end().requests(), std::vector<std::string>{"of one who stays"});
}
TEST(Waiting, OneWhoseClientHasLeftIsNotSent) {
  run_wire_unstarted({"a"}, client_left);
}

task<> too_many(WireSite& site) {
  std::vector<std::uint32_t> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(site.client->ask());
  co_await site.sleep(10ms);
  EXPECT_EQ(site.client->outcome(streams[0]), "waiting");
  EXPECT_EQ(site.client->outcome(streams[1]), "waiting");
  EXPECT_EQ(site.client->outcome(streams[2]), "no_backend") << "refused at once";
  EXPECT_TRUE(site.client->answer(streams[2]).head.has(wire::flags::unstarted));
  co_await site.start({"a"});
  co_await site.until([&] { return site["a"].asked() == 2; }, "sent");
}
TEST(Waiting, IsBounded) {
  proxy::ProxyOptions options;
  options.relay.most_waiting = 2;
  run_wire_unstarted({"a"}, too_many, options);
}

task<> unknown_service(WireSite& site) {
  const auto began = site.now();
  const std::uint32_t stream = site.client->ask("x", {.method = 0x0901});
  co_await until_answered(site, stream);
  EXPECT_LE(site.now() - began, 10ms) << "there is nothing to wait for";
  EXPECT_EQ(site.client->outcome(stream), "unknown_service");
  EXPECT_EQ(site.client->answer(stream).status.code, Code::unimplemented);
  EXPECT_FALSE(site.client->answer(stream).head.has(wire::flags::unstarted))
      << "it would be sent again for ever";

  // One that is away did not offer it either.
  site["b"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 1; }, "one is gone");
  const auto asked = site.now();
  const std::uint32_t again = site.client->ask("x", {.method = 0x0901});
  co_await until_answered(site, again);
  EXPECT_LE(site.now() - asked, 10ms);
  EXPECT_EQ(site.client->outcome(again), "unknown_service");
}
TEST(Waiting, NotForAServiceThatNobodyOffers) {
  run_wire({"a", "b"}, unknown_service);
}

task<> unknown_yet(WireSite& site) {
  const std::uint32_t early = site.client->ask("x", {.method = 0x0901});
  co_await site.sleep(10ms);
  EXPECT_EQ(site.client->outcome(early), "waiting") << "nothing is known yet";
  co_await site.start({"a"});
  const auto asked = site.now();
  const std::uint32_t stream = site.client->ask("x", {.method = 0x0901});
  co_await until_answered(site, stream);
  EXPECT_LE(site.now() - asked, 10ms) << "no link ever offered it";
  EXPECT_EQ(site.client->outcome(stream), "no_backend") << "the other backend may, some day";
  EXPECT_TRUE(site.client->answer(stream).head.has(wire::flags::unstarted));
  EXPECT_GT(site.client->answer(stream).status.retry_after, 0ms);
}
TEST(Waiting, NotForAServiceThatNobodyOfferedYet) {
  run_wire_unstarted({"a", "b"}, unknown_yet);
}

task<> away(WireSite& site) {
  site["b"].options.services = {2};
  co_await site.start({"a", "b"});
  site["b"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 1; }, "one is gone");
  const std::uint32_t stream = site.client->ask("for b", {.method = 0x0201});
  co_await site.sleep(500ms);
  EXPECT_EQ(site.client->outcome(stream), "waiting");
  site["b"].start();
  co_await site.until([&] { return site["b"].asked() == 1; }, "sent");
}
TEST(Waiting, ForAServiceWhoseBackendIsAway) {
  run_wire_unstarted({"a", "b"}, away);
}

task<> share(WireSite& site) {
  const auto waiting = [](WireEnd& client, const std::vector<std::uint32_t>& streams) {
    return std::ranges::count_if(
        streams, [&](std::uint32_t stream) { return client.outcome(stream) == "waiting"; });
  };
  std::vector<std::ptrdiff_t> waits;
  for (const char* host : {"greedy", "as greedy", "the third"}) {
    WireEnd* const client = co_await site.connect_from(host);
    std::vector<std::uint32_t> streams;
    for (int i = 0; i < 8; ++i) streams.push_back(client->ask());
    co_await site.sleep(10ms);
    waits.push_back(waiting(*client, streams));
  }
  EXPECT_EQ(waits, (std::vector<std::ptrdiff_t>{5, 2, 1})) << "nobody has all eight places";
  // Who has been served may wait again.
  co_await site.start({"a"});
  co_await site.until([&] { return site["a"].asked() == 8; }, "sent");
  site["a"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 0; }, "gone");
  std::vector<std::uint32_t> streams;
  for (int i = 0; i < 8; ++i) streams.push_back(site.clients[1]->ask());
  co_await site.sleep(10ms);
  EXPECT_EQ(waiting(*site.clients[1], streams), 5);
}
TEST(Waiting, HasAShareForEachSession) {
  proxy::ProxyOptions options;
  options.relay.most_waiting = 8;
  run_wire_unstarted({"a"}, share, options);
}

task<> oldest_first(sim::World& world) {
  WireSite site(world, {"a"}, {});
  site["a"].options.services = {1, 2};
  site["a"].options.connection.limits.streams = 1;
  co_await site.start({"a"});
  co_await site.connect();
  for (int i = 0; i < 5; ++i) {
    const auto method = static_cast<std::uint16_t>(i % 2 == 0 ? 0x0101 : 0x0201);
    site.client->ask(std::to_string(i), {.method = method});
  }
  for (std::size_t sent = 1; sent <= 5; ++sent) {
    co_await site.until([&] { return site["a"].asked() == sent; }, "sent");
    site["a"].end().reply(site["a"].end().newest(Kind::request).head.stream);
  }
  EXPECT_EQ(site["a"].end().requests(), (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  co_await site.end();
}
TEST(Waiting, IsServedInOrderOverAllServicesOfABackend) {
  sim::World world(1);
  world.run(oldest_first(world));
}

task<> busy(WireSite& site) {
  std::vector<std::uint32_t> streams;
  for (int i = 0; i < 4; ++i) streams.push_back(site.client->ask(std::to_string(i)));
  co_await site.sleep(10ms);
  WireEnd& backend = site["a"].end();
  EXPECT_EQ(backend.requests(), (std::vector<std::string>{"0", "1"})) << "as many as it takes";
  backend.reply(backend.nth(Kind::request, 0).head.stream);
  co_await site.until([&] { return backend.count(Kind::request) == 3; }, "there is room again");
  EXPECT_EQ(backend.requests().back(), "2");
  const auto began = site.now();
  co_await until_answered(site, streams[3]);
  EXPECT_GE(site.now() - began, 900ms);
  EXPECT_EQ(site.client->outcome(streams[3]), "backends_busy");
  EXPECT_EQ(site.client->answer(streams[3]).status.code, Code::resource_exhausted);
  EXPECT_GT(site.client->answer(streams[3]).status.retry_after, 0ms);
  EXPECT_TRUE(site.client->answer(streams[3]).head.has(wire::flags::unstarted));
  EXPECT_EQ(site.client->outcome(streams[0]), "ok");
  EXPECT_EQ(site.client->outcome(streams[1]), "waiting");
}
task<> run_busy(sim::World& world) {
  WireSite site(world, {"a"}, {});
  site["a"].options.connection.limits.streams = 2;
  co_await site.start({"a"});
  co_await site.connect();
  co_await busy(site);
  co_await site.end();
}
TEST(Waiting, ForRoomAtABackendThatHasAsMuchAsItTakes) {
  sim::World world(1);
  world.run(run_busy(world));
}

task<> goodbye(WireSite& site) {
  // A backend that says goodbye ends what it has, and gets nothing more.
  const std::uint32_t first = site.client->ask("first");
  co_await site.until([&] { return site["a"].asked() == 1; }, "sent");
  site["a"].end().goaway();
  co_await site.until([&] { return site.node->proxy().links_up() == 0; }, "it is not up");
  const std::uint32_t second = site.client->ask("second");
  co_await site.sleep(10ms);
  EXPECT_EQ(site["a"].asked(), 1u);
  site["a"].end().reply_to_all();
  co_await until_answered(site, first);
  EXPECT_EQ(site.client->outcome(first), "ok");
  site["a"].end().close();
  co_await site.until([&] { return site["a"].asked() == 2; }, "it is there again");
  site["a"].end().reply_to_all();
  co_await until_answered(site, second);
  EXPECT_EQ(site.client->outcome(second), "ok");
}
TEST(Waiting, ForABackendThatGoesAndComesBack) {
  run_wire({"a"}, goodbye);
}

}  // namespace
}  // namespace babilu::test
