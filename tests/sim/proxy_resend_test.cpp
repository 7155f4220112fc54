// Which requests the proxy sends again, and what it says of those that it does not.
#include <gtest/gtest.h>

#include "tests/sim/wire_site.h"

namespace babilu::test {
namespace {

using rpc::Code;
using wire::Kind;

/// The backend that has a request now, and the other one.
struct Places {
  WireBackend& here;
  WireBackend& there;
};
task<Places> asked_one(WireSite& site) {
  co_await site.until([&] { return site["a"].asked() + site["b"].asked() == 1; }, "one is asked");
  const bool at_a = site["a"].asked() == 1;
  co_return Places{site[at_a ? "a" : "b"], site[at_a ? "b" : "a"]};
}

task<> until_answered(WireSite& site, std::uint32_t stream) {
  co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
}

task<> not_retryable(WireSite& site) {
  const std::uint32_t stream = site.client->ask("effect");
  const Places places = co_await asked_one(site);
  places.here.stop();
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "backend_lost");
  EXPECT_EQ(site.client->answer(stream).status.code, Code::unavailable);
  EXPECT_FALSE(site.client->answer(stream).head.has(wire::flags::unstarted));
  EXPECT_EQ(places.there.asked(), 0u);
  EXPECT_EQ(site.metric("babilu_proxy_requests_resent_total"), 0);
}
TEST(Resend, ARequestThatIsNotRetryableIsSentOnce) {
  run_wire({"a", "b"}, not_retryable);
}

task<> retryable(WireSite& site) {
  const std::string payload = "metamessage";
  const std::uint32_t stream = site.client->ask(
      payload,
      {.method = 0x0107, .retryable = true, .milliseconds = 10'000, .route = 77, .meta = 4});
  const Places places = co_await asked_one(site);
  const WireEnd::Seen first = places.here.end().nth(Kind::request, 0);
  co_await site.sleep(300ms);
  places.here.stop();
  co_await site.until([&] { return places.there.asked() == 1; }, "the other is asked");
  const WireEnd::Seen second = places.there.end().nth(Kind::request, 0);
  for (const WireEnd::Seen& request : {first, second}) {
    EXPECT_EQ(request.head.method, 0x0107);
    EXPECT_EQ(request.head.route, 77u);
    EXPECT_EQ(request.head.meta, 4);
    EXPECT_TRUE(request.head.has(wire::flags::retryable));
    EXPECT_EQ(request.payload, payload);
    EXPECT_TRUE(request.client.starts_with("client:")) << request.client;
  }
  EXPECT_EQ(first.attempt, 1u);
  EXPECT_EQ(second.attempt, 2u);
  EXPECT_EQ(first.head.value, 10'000u);
  EXPECT_LE(second.head.value, 9'700u) << "less what it has waited";
  EXPECT_GE(second.head.value, 9'600u);
  places.there.end().reply_to_all("done");
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "ok");
  EXPECT_EQ(site.client->answer(stream).payload, "done");
  EXPECT_EQ(site.metric("babilu_proxy_requests_resent_total"), 1);
  EXPECT_EQ(site.metric("babilu_proxy_backend_retries_total", places.there.host()), 1);
}
TEST(Resend, ARetryableOneGoesToAnotherWholeAndWithTheTimeThatIsLeft) {
  run_wire({"a", "b"}, retryable);
}

task<> twice_lost(WireSite& site) {
  const std::uint32_t stream = site.client->ask_retryable();
  const Places places = co_await asked_one(site);
  places.here.stop();
  co_await site.until([&] { return places.there.asked() == 1; }, "the other is asked");
  places.here.start();
  co_await site.until([&] { return site.node->proxy().links_up() == 2; }, "the first is back");
  places.there.stop();
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "backend_lost");
  EXPECT_FALSE(site.client->answer(stream).head.has(wire::flags::unstarted));
  EXPECT_EQ(places.here.asked(), 1u);
  // The next one has its two times again.
  const std::uint32_t next = site.client->ask_retryable("next");
  co_await site.until([&] { return places.here.asked() == 2; }, "the next one is sent");
  places.there.start();
  co_await site.until([&] { return site.node->proxy().links_up() == 2; }, "both are there");
  places.here.stop();
  co_await site.until([&] { return places.there.asked() == 2; }, "and is sent again");
  EXPECT_EQ(places.there.end().nth(Kind::request, 0).attempt, 2u);
  places.there.end().reply_to_all();
  co_await until_answered(site, next);
  EXPECT_EQ(site.client->outcome(next), "ok");
}
TEST(Resend, IsDoneOnceForEachRequest) {
  run_wire({"a", "b"}, twice_lost);
}

/// A stream on which something has passed is not begun anew elsewhere.
task<> expect_not_resent(WireSite& site, void (*use)(WireEnd& client, std::uint32_t asked,
                                                     WireEnd& backend, std::uint32_t served)) {
  const std::uint32_t stream = site.client->ask_retryable();
  const Places places = co_await asked_one(site);
  use(*site.client, stream, places.here.end(), places.here.end().newest(Kind::request).head.stream);
  co_await site.sleep(10ms);
  places.here.stop();
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "backend_lost");
  EXPECT_EQ(places.there.asked(), 0u);
}
task<> item_there(WireSite& site) {
  co_await expect_not_resent(site, [](WireEnd& client, std::uint32_t asked, WireEnd&,
                                      std::uint32_t) { client.item(asked, 10); });
}
task<> item_back(WireSite& site) {
  co_await expect_not_resent(site, [](WireEnd&, std::uint32_t, WireEnd& backend,
                                      std::uint32_t served) { backend.item(served, 10); });
}
task<> credit_there(WireSite& site) {
  co_await expect_not_resent(site, [](WireEnd& client, std::uint32_t asked, WireEnd&,
                                      std::uint32_t) { client.grant(asked, 10); });
}
TEST(Resend, NotOnceItemsOrCreditHavePassed) {
  run_wire({"a", "b"}, item_there);
  run_wire({"a", "b"}, item_back);
  run_wire({"a", "b"}, credit_there);
}

task<> after_items(WireSite& site) {
  const std::uint32_t used = site.client->ask_retryable();
  const Places places = co_await asked_one(site);
  site.client->item(used, rpc::default_credit);
  places.here.end().item(places.here.end().newest(Kind::request).head.stream, rpc::default_credit);
  co_await site.until([&] { return site.client->item_bytes() == rpc::default_credit; }, "items");
  places.here.end().reply_to_all();
  co_await until_answered(site, used);

  // Its place in memory is used for the next, which has all its credit, and may be sent again.
  const std::size_t before = site["a"].asked() + site["b"].asked();
  const std::uint32_t next = site.client->ask_retryable("next");
  co_await site.until([&] { return site["a"].asked() + site["b"].asked() == before + 1; }, "sent");
  WireBackend& first = site[site["a"].links() > 0 && !site["a"].end().requests().empty() &&
                                    site["a"].end().requests().back() == "next"
                                ? "a"
                                : "b"];
  WireBackend& second = site[first.host() == "a" ? "b" : "a"];
  const std::size_t asked_second = second.asked();
  first.stop();
  co_await site.until([&] { return second.asked() == asked_second + 1; }, "sent again");
  site.client->item(next, rpc::default_credit);
  second.end().item(second.end().newest(Kind::request).head.stream, rpc::default_credit);
  co_await site.until([&] { return site.client->item_bytes() == 2 * rpc::default_credit; },
                      "as many items again");
  second.end().reply(second.end().newest(Kind::request).head.stream);
  co_await until_answered(site, next);
  EXPECT_EQ(site.client->outcome(next), "ok");
}
TEST(Resend, AStreamThatWasUsedSaysNothingOfTheNext) {
  run_wire({"a", "b"}, after_items);
}

task<> unstarted(WireSite& site) {
  // Not even looked at: also what is not retryable may be sent again, as long as it was kept.
  const std::uint32_t stream = site.client->ask_retryable("kept");
  const Places places = co_await asked_one(site);
  for (int round = 0; round < 20; ++round) {
    WireBackend& here = round % 2 == 0 ? places.here : places.there;
    WireBackend& there = round % 2 == 0 ? places.there : places.here;
    const std::size_t before = there.asked();
    here.end().refuse(here.end().newest(Kind::request).head.stream, Code::unavailable, true);
    co_await site.until([&] { return there.asked() == before + 1; }, "goes to the other");
    EXPECT_EQ(there.end().newest(Kind::request).payload, "kept");
    EXPECT_EQ(there.end().newest(Kind::request).attempt, 1u) << "it counts as not sent";
  }
  EXPECT_EQ(site.metric("babilu_proxy_requests_resent_total"), 0);
  EXPECT_EQ(site.metric("babilu_proxy_backend_errors_total"), 0) << "no fault of a backend";
  places.here.end().reply(places.here.end().newest(Kind::request).head.stream);
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "ok");
}
TEST(Resend, WhatABackendHasNotBegunGoesToAnotherEachTime) {
  run_wire({"a", "b"}, unstarted);
}

task<> unstarted_not_kept(WireSite& site) {
  // The first leaves a copy of itself behind, in memory that the second uses.
  const std::uint32_t first = site.client->ask_retryable("the first");
  const Places places = co_await asked_one(site);
  places.here.end().reply_to_all();
  co_await until_answered(site, first);
  places.there.stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 1; }, "one is gone");
  places.there.start();
  co_await site.until([&] { return site.node->proxy().links_up() == 2; }, "one is back");
  const std::size_t before = site["a"].asked() + site["b"].asked();
  const std::uint32_t second = site.client->ask("not retryable");
  co_await site.until([&] { return site["a"].asked() + site["b"].asked() == before + 1; }, "sent");
  WireEnd& end = places.there.asked() > 0 ? places.there.end() : places.here.end();
  end.refuse(end.newest(Kind::request).head.stream, Code::unavailable, true);
  co_await until_answered(site, second);
  EXPECT_EQ(site.client->outcome(second), "as_the_test_wants");
  EXPECT_TRUE(site.client->answer(second).head.has(wire::flags::unstarted))
      << "the client may send it again";
  EXPECT_EQ(site["a"].asked() + site["b"].asked(), before + 1);
}
TEST(Resend, WhatWasNotKeptIsHandedBackAsUnstarted) {
  run_wire({"a", "b"}, unstarted_not_kept);
}

task<> refused_as_unstarted(WireSite& site) {
  // Only unavailable means that another backend would be better.
  const std::uint32_t stream = site.client->ask_retryable();
  const Places places = co_await asked_one(site);
  places.here.end().refuse(places.here.end().newest(Kind::request).head.stream,
                           Code::resource_exhausted, true);
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "as_the_test_wants");
  EXPECT_EQ(places.there.asked(), 0u);
}
TEST(Resend, NotForAnyOtherRefusal) {
  run_wire({"a", "b"}, refused_as_unstarted);
}

task<> nobody_else(WireSite& site) {
  const std::uint32_t stream = site.client->ask_retryable();
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  site["a"].stop();
  const auto lost = site.now();
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "no_backend");
  EXPECT_FALSE(site.client->answer(stream).head.has(wire::flags::unstarted))
      << "the backend may have had it";
  EXPECT_GE(site.client->answer(stream).status.retry_after, 100ms);
  EXPECT_GE(site.now() - lost, 9900ms) << "it waits longer than one that was never sent";
  EXPECT_LE(site.now() - lost, 10100ms);

  const std::uint32_t never_sent = site.client->ask_retryable();
  const auto asked = site.now();
  co_await until_answered(site, never_sent);
  EXPECT_EQ(site.client->outcome(never_sent), "no_backend");
  EXPECT_TRUE(site.client->answer(never_sent).head.has(wire::flags::unstarted));
  EXPECT_GE(site.now() - asked, 900ms);
  EXPECT_LE(site.now() - asked, 1100ms);
}
TEST(Resend, UnstartedIsSaidOnlyOfWhatNoBackendHad) {
  run_wire({"a"}, nobody_else);
}

task<> back_in_time(WireSite& site) {
  const std::uint32_t stream =
      site.client->ask("again", {.retryable = true, .milliseconds = 60'000});
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  site["a"].stop();
  co_await site.sleep(5s);
  EXPECT_EQ(site.client->outcome(stream), "waiting");
  site["a"].start();
  co_await site.until([&] { return site["a"].asked() == 2; }, "asked again");
  EXPECT_EQ(site["a"].end().requests(), std::vector<std::string>{"again"});
  EXPECT_EQ(site.metric("babilu_proxy_requests_resent_total"), 1);
  // It may take its time: nothing gives it up any more.
  co_await site.sleep(30s);
  EXPECT_EQ(site.client->outcome(stream), "waiting");
  site["a"].end().reply_to_all();
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->outcome(stream), "ok");
}
TEST(Resend, WaitsForTheOnlyBackendToComeBack) {
  run_wire({"a"}, back_in_time);
}

task<> too_late(WireSite& site) {
  const std::uint32_t stream = site.client->ask("x", {.retryable = true, .milliseconds = 200});
  const Places places = co_await asked_one(site);
  co_await site.sleep(300ms);
  places.here.stop();
  co_await until_answered(site, stream);
  EXPECT_EQ(site.client->answer(stream).status.code, Code::deadline_exceeded);
  EXPECT_FALSE(site.client->answer(stream).head.has(wire::flags::unstarted));
  EXPECT_EQ(places.there.asked(), 0u);
}
TEST(Resend, NotAfterItsDeadline) {
  run_wire({"a", "b"}, too_late);
}

}  // namespace
}  // namespace babilu::test
