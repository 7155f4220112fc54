// What a session may hold, and how it ends: its bytes, its replies, its streams, its goodbye.
#include <gtest/gtest.h>

#include "core/wire/envelope.pb.h"
#include "tests/sim/wire_site.h"

namespace babilu::test {
namespace {

using rpc::Code;
using wire::Kind;

const std::string ten_kib(10 * 1024, 'x');

task<> until_answered(WireSite& site, std::uint32_t stream) {
  co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
}

/// One request at a time is read by the proxy: each is larger than what it reads at once.
task<> ask_apart(WireSite& site, int requests, bool retryable,
                 std::vector<std::uint32_t>& streams) {
  for (int i = 0; i < requests; ++i) {
    streams.push_back(site.client->ask(ten_kib, {.retryable = retryable}));
    co_await site.sleep(5ms);
  }
}

task<> cap(WireSite& site) {
  std::vector<std::uint32_t> streams;
  co_await ask_apart(site, 8, true, streams);
  // Three are 30 KiB, the fourth goes over the cap, and after it nothing is read.
  EXPECT_EQ(site["a"].asked(), 4u);
  WireEnd& backend = site["a"].end();
  backend.reply(backend.nth(Kind::request, 0).head.stream);
  co_await site.sleep(10ms);
  EXPECT_GT(backend.count(Kind::request), 4u) << "there is room again";
  // Over and over: what was answered does not count any more.
  for (int round = 0; round < 10; ++round) {
    for (const auto& request : backend.all(Kind::request)) backend.reply(request.head.stream);
    co_await site.sleep(10ms);
  }
  EXPECT_EQ(site.client->count(Kind::reply), 8u);
  for (const std::uint32_t stream : streams) EXPECT_EQ(site.client->outcome(stream), "ok");
}
proxy::ProxyOptions with_cap(std::size_t bytes) {
  proxy::ProxyOptions options;
  options.relay.session_bytes = bytes;
  return options;
}
TEST(SessionBytes, AreBoundedWhileTheyAreKeptForASecondSend) {
  run_wire({"a"}, cap, with_cap(35 * 1024));
}

task<> uncounted(WireSite& site) {
  std::vector<std::uint32_t> streams;
  co_await ask_apart(site, 8, false, streams);
  EXPECT_EQ(site["a"].asked(), 8u) << "nothing is kept of them";
}
TEST(SessionBytes, OfWhatIsNotKeptDoNotCount) {
  run_wire({"a"}, uncounted, with_cap(35 * 1024));
}

task<> cap_while_waiting(WireSite& site) {
  std::vector<std::uint32_t> streams;
  co_await ask_apart(site, 8, false, streams);
  co_await site.start({"a"});
  co_await site.sleep(10ms);
  EXPECT_EQ(site["a"].asked(), 4u) << "what waits for a backend is kept as well";
  site["a"].answer_with({});
  site["a"].end().reply_to_all();
  co_await site.until([&] { return site.client->count(Kind::reply) == 8; }, "all are answered");
}
TEST(SessionBytes, CountWhileTheyWaitForABackend) {
  run_wire_unstarted({"a"}, cap_while_waiting, with_cap(35 * 1024));
}

task<> one_of_two(WireSite& site) {
  WireEnd* const other = co_await site.connect_from("other");
  std::vector<std::uint32_t> streams;
  co_await ask_apart(site, 8, true, streams);
  EXPECT_EQ(site["a"].asked(), 4u);
  const std::uint32_t stream = other->ask_retryable(ten_kib);
  co_await site.until([&] { return site["a"].asked() == 5; }, "another session is read");
  // What was refused does not count: a cancelled one gives its bytes back as well.
  site["a"].end().reply_to_all();
  co_await site.until([&] { return other->answer_to(stream) != nullptr; }, "and answered");
}
TEST(SessionBytes, AreThoseOfOneSession) {
  run_wire({"a"}, one_of_two, with_cap(35 * 1024));
}

proxy::ProxyOptions with_small_outbox() {
  proxy::ProxyOptions options;
  options.session.outbox.soft = 64 * 1024;
  options.session.outbox.hard = 512 * 1024;
  options.session.outbox.stall = 10min;  // it is not for being slow in general
  options.session.ping_after = 10min;
  return options;
}

task<> slow_reader(WireSite& site) {
  WireEnd* const slow = co_await site.connect_from("slow");
  for (int i = 0; i < 100; ++i) slow->ask();
  co_await site.until([&] { return site["a"].asked() == 100; }, "asked");
  slow->pause_reading(true);
  // Smaller than what the proxy reads at once: several come after the one that is too much.
  const std::string large(20 * 1024, 'r');
  site["a"].end().reply_to_all(large);
  co_await site.sleep(100ms);
  EXPECT_EQ(site.metric("babilu_proxy_slow_readers_total"), 1);
  co_await site.until([&] { return site.metric("babilu_proxy_open_sessions") == 1; }, "closed");
  EXPECT_EQ(site.logged("slow_reader"), 1u);
  slow->pause_reading(false);
  co_await site.until([&] { return slow->over; }, "it is told by the end");
  EXPECT_LT(slow->count(Kind::reply), 100u);
  // The others notice nothing.
  site["a"].answer_with({});
  const std::uint32_t stream = site.client->ask();
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "ok");
  EXPECT_EQ(site.node->proxy().links_up(), 1u);
}
TEST(SlowReader, OfRepliesIsClosedOnceAndCounted) {
  run_wire({"a"}, slow_reader, with_small_outbox());
}

task<> slow_reader_of_items(WireSite& site) {
  WireEnd* const slow = co_await site.connect_from("slow");
  const std::uint32_t stream = slow->ask();
  slow->grant(stream, 100 * 1024 * 1024);
  co_await site.until([&] { return site["a"].end().count(Kind::credit) == 1; }, "granted");
  slow->pause_reading(true);
  const std::uint32_t served = site["a"].end().nth(Kind::request, 0).head.stream;
  for (int i = 0; i < 30; ++i) {
    site["a"].end().item(served, 50 * 1024);
    co_await site.sleep(5ms);
  }
  EXPECT_EQ(site.metric("babilu_proxy_slow_readers_total"), 1);
  co_await site.until([&] { return site.metric("babilu_proxy_open_sessions") == 1; }, "closed");
  co_await site.until([&] { return site["a"].end().count(Kind::cancel) == 1; },
                      "the backend need not go on");
  slow->pause_reading(false);
  co_await site.until([&] { return slow->over; }, "over");
}
TEST(SlowReader, OfItemsIsClosedAsWell) {
  run_wire({"a"}, slow_reader_of_items, with_small_outbox());
}

task<> steady_reader(WireSite& site) {
  // As many bytes in all, but it takes them: nobody is closed for what he has got.
  const std::uint32_t stream = site.client->ask();
  site.client->grant(stream, 100 * 1024 * 1024);
  co_await site.until([&] { return site["a"].end().count(Kind::credit) == 1; }, "granted");
  const std::uint32_t served = site["a"].end().nth(Kind::request, 0).head.stream;
  for (int i = 0; i < 60; ++i) {
    site["a"].end().item(served, 50 * 1024);
    co_await site.sleep(5ms);
  }
  EXPECT_EQ(site.client->item_bytes(), 60u * 50 * 1024);
  EXPECT_EQ(site.metric("babilu_proxy_slow_readers_total"), 0);
}
TEST(SlowReader, IsNobodyWhoReads) {
  run_wire({"a"}, steady_reader, with_small_outbox());
}

task<> deaf_backend(WireSite& site) {
  const std::uint32_t stream = site.client->ask();
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  WireEnd& backend = site["a"].end();
  const std::uint32_t served = backend.nth(Kind::request, 0).head.stream;
  backend.grant(served, 100 * 1024 * 1024);
  co_await site.until([&] { return site.client->count(Kind::credit) == 1; }, "granted");
  backend.pause_reading(true);
  for (int i = 0; i < 30; ++i) {
    site.client->item(stream, 50 * 1024);
    co_await site.sleep(5ms);
  }
  EXPECT_EQ(site.client->outcome(stream), "backends_busy") << "its items have nowhere to go";
  EXPECT_EQ(site.client->answer(stream).status.code, Code::resource_exhausted);
  EXPECT_FALSE(site.client->answer(stream).head.has(wire::flags::unstarted));
  // Nor is it asked anything more.
  const std::uint32_t next = site.client->ask();
  co_await until_answered(site, next);
  EXPECT_EQ(site.client->outcome(next), "backends_busy");
  backend.pause_reading(false);
  co_await site.until([&] { return backend.count(Kind::cancel) == 1; }, "it is told to stop");
  const std::uint32_t again = site.client->ask();
  co_await site.until([&] { return backend.count(Kind::request) == 2; }, "it is asked again");
  backend.reply(backend.newest(Kind::request).head.stream);
  co_await until_answered(site, again);
  EXPECT_EQ(site.client->outcome(again), "ok");
}
TEST(SlowBackend, IsSentNoMoreThanABound) {
  proxy::ProxyOptions options;
  options.link.connection.outbox.hard = 512 * 1024;
  options.link.connection.outbox.stall = 10min;
  options.link.connection.ping_after = 10min;
  run_wire({"a"}, deaf_backend, options);
}

task<> client_gone(WireSite& site) {
  WireEnd* const leaving = co_await site.connect_from("leaving");
  leaving->ask_retryable("given up");
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  EXPECT_EQ(site.figures("a").in_flight.value(), 1);
  EXPECT_EQ(site.metric("babilu_proxy_open_sessions"), 2);
  leaving->abort();
  co_await site.until([&] { return site["a"].end().count(Kind::cancel) == 1; }, "cancelled");
  EXPECT_EQ(site["a"].end().nth(Kind::cancel, 0).head.stream,
            site["a"].end().nth(Kind::request, 0).head.stream);
  co_await site.until([&] { return site.figures("a").in_flight.value() == 0; }, "nothing is left");
  EXPECT_EQ(site.metric("babilu_proxy_open_sessions"), 1);
  EXPECT_EQ(site.metric("babilu_proxy_sessions_total"), 2);

  // Nobody sends it again for a client that has gone.
  WireEnd* const another = co_await site.connect_from("another");
  site["a"].end().options.answers_cancels = false;
  another->ask_retryable("given up too");
  co_await site.until([&] { return site["a"].asked() == 2; }, "asked");
  another->abort();
  co_await site.until([&] { return site["a"].end().count(Kind::cancel) == 2; }, "cancelled");
  site["a"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 0; }, "lost");
  site["a"].start();
  co_await site.until([&] { return site.node->proxy().links_up() == 1; }, "back");
  co_await site.sleep(1s);
  EXPECT_EQ(site["a"].asked(), 2u);
  EXPECT_EQ(site.figures("a").in_flight.value(), 0);
}
TEST(Session, OneThatIsGoneLeavesNothingBehind) {
  run_wire({"a"}, client_gone);
}

task<> cancelled(WireSite& site) {
  const std::uint32_t first = site.client->ask("first");
  const std::uint32_t second = site.client->ask("second");
  co_await site.until([&] { return site["a"].asked() == 2; }, "asked");
  const auto began = site.now();
  site.client->cancel(second);
  co_await until_answered(site, second);
  EXPECT_LE(site.now() - began, 10ms) << "at once";
  EXPECT_EQ(site.client->answer(second).status.code, Code::cancelled);
  const auto cancels = site["a"].end().all(Kind::cancel);
  EXPECT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels.at(0).head.stream, site["a"].end().nth(Kind::request, 1).head.stream);
  site["a"].end().reply(site["a"].end().nth(Kind::request, 0).head.stream);
  co_await until_answered(site, first);
  EXPECT_EQ(site.client->outcome(first), "ok");
}
TEST(Session, ACancelGoesToTheBackendThatHasTheRequest) {
  run_wire({"a"}, cancelled);
}

task<> forged_hop(WireSite& site) {
  wire::Hop hop;
  hop.set_client_address("192.0.2.1:1");
  const std::uint32_t stream =
      site.client->ask("x", {.retryable = true, .hop = hop.SerializeAsString()});
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "hop_not_allowed");
  EXPECT_EQ(site.client->answer(stream).status.code, Code::permission_denied);
  EXPECT_EQ(site["a"].asked(), 0u);
}
TEST(Session, AClientCannotSpeakForAProxy) {
  run_wire({"a"}, forged_hop);
}

task<> draining(WireSite& site) {
  WireEnd* const idle = co_await site.connect_from("idle");
  const std::uint32_t stream = site.client->ask();
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  site.node->lifecycle().advance(Phase::draining);
  co_await site.until([&] { return idle->over; }, "one without a request ends at once");
  EXPECT_TRUE(idle->why_over.ok()) << idle->why_over.to_string();
  co_await site.until([&] { return site.client->count(Kind::goaway) == 1; }, "told");
  EXPECT_TRUE(site.client->nth(Kind::goaway, 0).status.ok());
  EXPECT_FALSE(site.client->over);
  // It takes no more, and what it has is answered.
  co_await site.sleep(3s);
  const auto began = site.now();
  site["a"].end().reply_to_all("done");
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->answer(stream).payload, "done");
  co_await site.until([&] { return site.client->over; }, "then it ends");
  EXPECT_LE(site.now() - began, 100ms);
  EXPECT_EQ(site.metric("babilu_proxy_open_sessions"), 0);
}
TEST(Drain, AnswersWhatThereIsThenEndsTheSession) {
  run_wire({"a"}, draining);
}

task<> drain_timeout(WireSite& site) {
  const std::uint32_t stream = site.client->ask();
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  const auto began = site.now();
  site.node->lifecycle().advance(Phase::draining);
  co_await site.until([&] { return site.client->over; }, "it is not waited for for ever");
  EXPECT_EQ(site.client->outcome(stream), "waiting");
  EXPECT_GE(site.now() - began, 4s);
  EXPECT_LE(site.now() - began, 4s + 100ms);
}
TEST(Drain, WaitsNoLongerThanItsTimeout) {
  proxy::ProxyOptions options;
  options.drain_timeout = 4s;
  run_wire({"a"}, drain_timeout, options);
}

task<> deaf_client(WireSite& site) {
  // Takes neither its reply nor the goodbye.
  WireEnd* const deaf = co_await site.connect_from("deaf");
  deaf->pause_reading(true);
  for (int i = 0; i < 8; ++i) deaf->ask();
  co_await site.until([&] { return site["a"].asked() == 8; }, "asked");
  site["a"].end().reply_to_all(std::string(100 * 1024, 'r'));
  co_await site.sleep(10ms);
  const auto began = site.now();
  site.node->lifecycle().advance(Phase::draining);
  co_await site.until([&] { return site.metric("babilu_proxy_open_sessions") == 0; }, "all end");
  EXPECT_LE(site.now() - began, 4s + 2s + 100ms);
  deaf->pause_reading(false);
}
TEST(Drain, EndsAlsoASessionThatTakesNothing) {
  proxy::ProxyOptions options;
  options.drain_timeout = 4s;
  run_wire({"a"}, deaf_client, options);
}

task<> half_closed(WireSite& site) {
  std::vector<std::uint32_t> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(site.client->ask(std::to_string(i)));
  site.client->shut();
  co_await site.until([&] { return site["a"].asked() == 5; }, "all were read");
  WireEnd& backend = site["a"].end();
  for (std::size_t i = 0; i < 5; ++i) {
    co_await site.sleep(2s);
    EXPECT_FALSE(site.client->over) << i;
    EXPECT_EQ(backend.count(Kind::cancel), 0u);
    backend.reply(backend.nth(Kind::request, i).head.stream, ten_kib);
  }
  co_await site.until([&] { return site.client->over; }, "then it ends");
  EXPECT_TRUE(site.client->why_over.ok()) << site.client->why_over.to_string();
  for (const std::uint32_t stream : streams) EXPECT_EQ(site.client->outcome(stream), "ok");
}
TEST(SessionEnd, WhatWasReadBeforeTheClientEndedItsDirectionIsAnswered) {
  run_wire({"a"}, half_closed);
}

task<> refused_after_end(WireSite& site) {
  const std::uint32_t stream = site.client->ask();
  site.client->shut();
  co_await site.until([&] { return site.client->over; }, "then it ends");
  EXPECT_EQ(site.client->outcome(stream), "no_backend") << "also what the proxy itself answers";
}
TEST(SessionEnd, AnswersOfTheProxyItselfLeaveToo) {
  run_wire_unstarted({"a"}, refused_after_end);
}

task<> small_frames(WireSite& site) {
  site.client_options.limits.frame = 4096;
  WireEnd* const modest = co_await site.connect_from("modest");
  for (const std::size_t size : {4096u, 4097u, 200'004u}) {
    site["a"].answer_with(rpc::Reply::of(Bytes(size, 1)));
    const std::uint32_t stream = modest->ask();
    co_await site.until([&] { return modest->answer_to(stream) != nullptr; }, "answered");
    EXPECT_EQ(modest->outcome(stream), size == 4096 ? "ok" : "reply_too_large") << size;
    EXPECT_FALSE(modest->answer(stream).head.has(wire::flags::unstarted));
    const std::uint32_t usual = site.client->ask();
    co_await until_answered(site, usual);
    EXPECT_EQ(site.client->outcome(usual), "ok") << "each has its own";
  }
  EXPECT_FALSE(modest->over);
  EXPECT_EQ(site["a"].links(), 1u);

  site.client_options.limits.frame = 1023;
  WireEnd* const tiny = co_await site.connect_from("tiny");
  co_await site.until([&] { return tiny->over; }, "sent away");
  EXPECT_EQ(tiny->why_over.reason, "frame_limit_too_small");
}
TEST(SessionFrames, AreNeverLargerThanTheClientTakes) {
  run_wire({"a"}, small_frames);
}

/// The newest request of the backend, once it has so many.
task<std::uint32_t> served(WireSite& site, std::size_t requests) {
  co_await site.until([&] { return site["a"].asked() == requests; }, "asked");
  co_return site["a"].end().newest(Kind::request).head.stream;
}

task<> items_to_client(WireSite& site) {
  site.client_options.limits.frame = 4096;
  WireEnd* const modest = co_await site.connect_from("modest");
  WireEnd& backend = site["a"].end();
  const std::uint32_t stream = modest->ask();
  const std::uint32_t their_stream = co_await served(site, 1);
  backend.item(their_stream, 4096);
  co_await site.until([&] { return modest->count(Kind::item) == 1; }, "one that fits passes");
  backend.item(their_stream, 4097);
  co_await site.until([&] { return modest->answer_to(stream) != nullptr; }, "the stream ends");
  EXPECT_EQ(modest->outcome(stream), "item_too_large");
  EXPECT_EQ(modest->answer(stream).status.code, Code::resource_exhausted);
  EXPECT_EQ(modest->item_bytes(), 4096u);
  co_await site.until([&] { return backend.count(Kind::cancel) == 1; }, "the backend is told");
  const std::uint32_t next = modest->ask();
  backend.reply(co_await served(site, 2));
  co_await site.until([&] { return modest->answer_to(next) != nullptr; }, "the session goes on");
  EXPECT_EQ(modest->outcome(next), "ok");
  EXPECT_EQ(site.metric("babilu_proxy_requests_refused_total", "item_too_large"), 1);
}

task<> items_to_backend(WireSite& site) {
  site["a"].options.connection.limits.frame = 4096;
  co_await site.start({"a"});
  const std::uint32_t stream = site.client->ask();
  co_await served(site, 1);
  site.client->item(stream, 4096);
  co_await site.until([&] { return site["a"].end().count(Kind::item) == 1; }, "one that fits");
  site.client->item(stream, 4097);
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "item_too_large");
  EXPECT_EQ(site.client->answer(stream).status.code, Code::invalid_argument);
  const std::uint32_t next = site.client->ask();
  site["a"].end().reply(co_await served(site, 2));
  co_await until_answered(site, next);
  EXPECT_EQ(site.client->outcome(next), "ok");
  EXPECT_EQ(site["a"].links(), 1u) << "the link goes on";
}
TEST(SessionFrames, AnItemThatIsLargerThanItsReceiverTakesEndsItsStreamAlone) {
  run_wire({"a"}, items_to_client);
  run_wire_unstarted({"a"}, items_to_backend);
}

}  // namespace
}  // namespace babilu::test
