// What counts in the rate of an address, and as how much: methods by what they cost, and what comes
// besides requests.
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/tls/certificates.h"
#include "core/tls/security.h"
#include "core/tls/tls_stream.h"
#include "core/wire/envelope.pb.h"
#include "tests/sim/wire_site.h"

namespace babilu::test {
namespace {

using wire::Kind;

/// A client whose address may ask so often.
task<WireEnd*> client_with_rate(WireSite& site, unsigned requests_per_second) {
  site.node->admission().set_options({.each = {.requests_per_second = requests_per_second}});
  co_return co_await site.connect_from("client");
}

/// Asks, and gives what came of it.
task<std::string> ask(WireSite& site, WireEnd& client, std::uint16_t method) {
  const std::uint32_t stream = client.ask("x", {.method = method});
  co_await site.until([&] { return client.answer_to(stream) != nullptr; }, "answered");
  co_return client.outcome(stream);
}

task<> weighed(WireSite& site) {
  site["a"].options.costs = {{0x0103, 16}, {0x0104, 1000}};
  site["a"].options.answer = rpc::Reply();
  co_await site.start({"a"});
  WireEnd* const client = co_await client_with_rate(site, 10);
  EXPECT_EQ(co_await ask(site, *client, 0x0103), "ok");
  EXPECT_EQ(co_await ask(site, *client, 0x0103), "too_many_requests");
  const rpc::Status why = client->newest(Kind::reply).status;
  EXPECT_NE(why.message.find("counts as 16"), std::string::npos) << why.message;
  EXPECT_LE(why.retry_after, 1200ms);
  EXPECT_GE(why.retry_after, 1100ms);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(co_await ask(site, *client, 0x0101), "ok") << "of 20";
  EXPECT_EQ(co_await ask(site, *client, 0x0101), "too_many_requests");
  co_await site.sleep(2s);
  EXPECT_EQ(co_await ask(site, *client, 0x0103), "ok");
  // What costs more than all that there is takes all, and is possible.
  for (int i = 0; i < 3; ++i) {
    co_await site.sleep(2s);
    EXPECT_EQ(co_await ask(site, *client, 0x0104), "ok");
    EXPECT_EQ(co_await ask(site, *client, 0x0101), "too_many_requests");
  }
}
TEST(Rate, AMethodCountsAsItsBackendSays) {
  run_wire_unstarted({"a"}, weighed);
}

task<> other_costs(WireSite& site) {
  for (const char* host : {"a", "b"}) site[host].options.answer = rpc::Reply();
  site["a"].options.costs = {{0x0103, 16}};
  site["b"].options.costs = {{0x0103, 4}};
  co_await site.start({"a", "b"});
  WireEnd* const client = co_await client_with_rate(site, 10);
  EXPECT_EQ(co_await ask(site, *client, 0x0103), "ok");
  EXPECT_EQ(co_await ask(site, *client, 0x0103), "too_many_requests") << "the higher counts";
  site["a"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 1; }, "one is away");
  co_await site.sleep(2s);
  EXPECT_EQ(co_await ask(site, *client, 0x0103), "ok");
  EXPECT_EQ(co_await ask(site, *client, 0x0103), "too_many_requests") << "it may come back";
  site["a"].options.costs = {};
  co_await site.start({"a"});
  co_await site.sleep(2s);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await ask(site, *client, 0x0103), "ok");
  EXPECT_EQ(co_await ask(site, *client, 0x0103), "too_many_requests");
}
TEST(Rate, WhatABackendSaidLastCounts) {
  run_wire_unstarted({"a", "b"}, other_costs);
}

using Send = void (*)(WireEnd& client, std::uint32_t stream);

/// 300 of them at 100 a second and 200 at once: what is asked next comes a second later, and is
/// answered.
task<> expect_slowed(WireSite& site, Send send) {
  site["a"].end().options.answers_cancels = false;
  WireEnd* const client = co_await client_with_rate(site, 100);
  const std::uint32_t stream = client->ask();
  co_await site.until([&] { return site["a"].asked() > 0; }, "asked");
  co_await site.sleep(2s);
  const auto began = site.now();
  const std::size_t asked = site["a"].asked();
  for (int i = 0; i < 300; ++i) send(*client, stream);
  co_await site.sleep(5ms);
  client->ask("next");
  co_await site.until([&] { return site["a"].asked() > asked; }, "asked");
  EXPECT_GE(site.now() - began, 1s);
  EXPECT_LE(site.now() - began, 1100ms);
  EXPECT_EQ(site.metric("babilu_proxy_requests_refused_total"), 0);
  EXPECT_EQ(site.metric("babilu_proxy_sessions_slowed_total"), 1);
  site["a"].end().reply_to_all();
  co_await site.until([&] { return client->count(Kind::reply) == 2; }, "answered");
  EXPECT_FALSE(client->over);
}

task<> pings(WireSite& site) {
  co_await expect_slowed(site, [](WireEnd& client, std::uint32_t) { client.ping(); });
}
task<> credit(WireSite& site) {
  co_await expect_slowed(site,
                         [](WireEnd& client, std::uint32_t stream) { client.grant(stream, 1); });
}
task<> items(WireSite& site) {
  co_await expect_slowed(site,
                         [](WireEnd& client, std::uint32_t stream) { client.item(stream, 1); });
}
task<> cancels(WireSite& site) {
  co_await expect_slowed(site,
                         [](WireEnd& client, std::uint32_t stream) { client.cancel(stream); });
}
TEST(Rate, WhatIsNoRequestCountsAndSlowsWhoSendsNothingElse) {
  run_wire({"a"}, pings);
  run_wire({"a"}, credit);
  run_wire({"a"}, items);
  run_wire({"a"}, cancels);
}

task<> floods(WireSite& site) {
  WireEnd* const client = co_await client_with_rate(site, 1);
  for (int i = 0; i < 2000; ++i) client->ping();
  co_await site.sleep(5ms);
  const auto began = site.now();
  client->ask();
  co_await site.until([&] { return site["a"].asked() == 1; }, "asked");
  EXPECT_GE(site.now() - began, 2s);
  EXPECT_LE(site.now() - began, 3100ms) << "nobody is kept out for long";
}
TEST(Rate, ADebtIsBounded) {
  run_wire({"a"}, floods);
}

task<> now_and_then(WireSite& site) {
  site["a"].answer_with({});
  WireEnd* const client = co_await client_with_rate(site, 5);
  for (int i = 0; i < 100; ++i) {
    co_await site.sleep(15s);
    client->ping();
    EXPECT_EQ(co_await ask(site, *client, 0x0101), "ok");
  }
  EXPECT_EQ(site.metric("babilu_proxy_sessions_slowed_total"), 0);
}
TEST(Rate, WhoPingsNowAndThenDoesNotNotice) {
  run_wire({"a"}, now_and_then);
}

// Key updates, of a client that speaks TLS.

/// Certificates of a world's own, by its clock.
struct Certificates {
  explicit Certificates(sim::World& world) {
    const auto stack = directory.path() / "stack";
    const auto now = world.runtime().clock().wall();
    const auto problem = tls::create_development_certificates(
        {.directory = stack, .hosts = {"proxy"}}, world.runtime().random(), now);
    if (problem) throw std::runtime_error(problem->to_string());
    proxy =
        tls::Context::load({stack / "proxy/certificate.pem", stack / "proxy/key.pem"}, now).value();
    client = tls::Context::load({.authority = stack / "ca.pem"}, now).value();
  }
  TemporaryDirectory directory;
  tls::ContextPtr proxy;
  tls::ContextPtr client;
};

/// Pings 80 times, each in a record of its own.
task<> ping_over_tls(sim::World& world, const tls::ContextPtr& context,
                     std::uint64_t records_per_key) {
  auto& runtime = world.runtime();
  const auto deadline = runtime.now() + 10s;
  tls::ChannelOptions options;
  options.dialer = true;
  options.context = context;
  options.credentials = context->parts().credentials;
  options.host = "proxy";
  options.role = "proxy";
  options.records_per_key = records_per_key;
  auto raw = co_await world.host("client").connect(SimulatedStack::address(), deadline);
  tls::TlsStream client(runtime, std::move(*raw), options);
  EXPECT_FALSE(co_await client.handshake(deadline));
  wire::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  Buffer frame;
  wire::append(frame, {.kind = Kind::hello}, {}, bytes_of(hello.SerializeAsString()));
  EXPECT_FALSE(co_await net::write_all(client, frame, deadline));
  frame.clear();
  wire::append(frame, {.kind = Kind::ping}, {}, {});
  for (int i = 0; i < 80; ++i) EXPECT_FALSE(co_await net::write_all(client, frame, deadline));
  co_await runtime.sleep_for(100ms);
}

task<> count_slowed(sim::World& world, std::uint64_t records_per_key, double& slowed) {
  const Certificates certificates(world);
  const auto security = tls::make_security(world.runtime(), certificates.proxy, {});
  ProxyNode node(world, {}, {}, security.get());
  node.admission().set_options({.each = {.requests_per_second = 100}});
  Scope scope(world.runtime());
  scope.spawn("proxy", node.proxy().run());
  co_await ping_over_tls(world, certificates.client, records_per_key);
  for (const auto& family : node.metrics().snapshot()) {
    if (family.name == "babilu_proxy_sessions_slowed_total") slowed = family.series.at(0).value;
  }
  node.lifecycle().advance(Phase::draining);
  co_await scope.join();
}

TEST(Rate, KeyUpdatesCount) {
  const auto times_slowed = [](std::uint64_t records_per_key) {
    sim::World world(1);
    double slowed = -1;
    world.run(count_slowed(world, records_per_key, slowed));
    return slowed;
  };
  EXPECT_EQ(times_slowed(1'000'000), 0) << "80 pings alone are not too many";
  EXPECT_GE(times_slowed(1), 1) << "with a key update for each they are";
}

}  // namespace
}  // namespace babilu::test
