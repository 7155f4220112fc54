// Who comes in: limits at the door, balancers in front of it, and what a reload changes for whom.
#include <gtest/gtest.h>

#include <boost/asio/error.hpp>

#include "core/runtime/runtime.h"
#include "tests/sim/wire_site.h"

namespace babilu::test {
namespace {

using wire::Kind;

task<> until_answered(WireSite& site, WireEnd* client, std::uint32_t stream) {
  co_await site.until([&] { return client->answer_to(stream) != nullptr; }, "answered");
}

/// A PROXY header of version 2 for 192.0.2.7:12345, and one by which a balancer asks for itself.
const std::string named_header(
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0C\xC0\x00\x02\x07\x0A\x00\x00\x01"
    "\x30\x39\x1C\xE8",
    28);
const std::string local_header("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16);

task<> balanced(WireSite& site) {
  site["a"].answer_with({});
  WireEnd* const named = co_await site.connect_from("10.1.2.3", named_header);
  co_await until_answered(site, named, named->ask());
  EXPECT_EQ(site["a"].end().newest(Kind::request).client, "192.0.2.7:12345");
  WireEnd* const itself = co_await site.connect_from("10.1.2.3", local_header);
  co_await until_answered(site, itself, itself->ask());
  EXPECT_TRUE(site["a"].end().newest(Kind::request).client.starts_with("10.1.2.3:"));
  // Anybody else may not say who he is.
  WireEnd* const other = co_await site.connect_from("11.1.2.3", named_header);
  co_await site.until([&] { return other->over; }, "refused");
  WireEnd* const plain = co_await site.connect_from("11.1.2.3");
  co_await until_answered(site, plain, plain->ask());
  EXPECT_TRUE(site["a"].end().newest(Kind::request).client.starts_with("11.1.2.3:"));
}
proxy::ProxyOptions behind_a_balancer() {
  proxy::ProxyOptions options;
  options.balancers = {*proxy::Cidr::parse("192.168.0.0/16"), *proxy::Cidr::parse("10.0.0.0/8")};
  options.handshake_timeout = 3s;
  return options;
}
TEST(Door, OnlyABalancerSaysForWhomItAsks) {
  run_wire({"a"}, balanced, behind_a_balancer());
}

task<> silent_balancer(WireSite& site) {
  const auto began = site.now();
  auto stream =
      co_await site.world.host("10.1.2.3").connect(SimulatedStack::address(), no_deadline);
  EXPECT_TRUE(stream);
  co_await site.until([&] { return site.metric("babilu_proxy_handshakes_failed_total") == 1; },
                      "given up");
  EXPECT_GE(site.now() - began, 3s);
  EXPECT_LE(site.now() - began, 3s + 100ms);
  EXPECT_EQ(site.metric("babilu_proxy_sessions_total"), 1) << "the client's own alone";
  EXPECT_EQ(site.node->admission().sessions(), 1u);
}
TEST(Door, AHeaderThatDoesNotComeIsNotWaitedForForEver) {
  run_wire({"a"}, silent_balancer, behind_a_balancer());
}

task<> many_silent_balancers(WireSite& site) {
  std::vector<net::StreamPtr> silent;
  for (int i = 0; i < 50; ++i) {
    auto stream =
        co_await site.world.host("10.1.2.3").connect(SimulatedStack::address(), no_deadline);
    silent.push_back(std::move(stream.value()));
  }
  co_await site.sleep(100ms);
  EXPECT_EQ(site.metric("babilu_proxy_sessions_refused_total", "too_many_without_header"), 46);
  site["a"].answer_with({});
  WireEnd* const named = co_await site.connect_from("10.1.2.3", named_header);
  co_await until_answered(site, named, named->ask());
}
TEST(Door, WhatWaitsForAHeaderIsCounted) {
  proxy::ProxyOptions options = behind_a_balancer();
  options.unnamed = 4;
  run_wire({"a"}, many_silent_balancers, options);
}

task<> counted_by_balancer(WireSite& site) {
  // Limits are those of the client that the balancer names, not its own.
  site.node->admission().set_options({.each = {.sessions = 1}});
  WireEnd* const named = co_await site.connect_from("10.1.2.3", named_header);
  EXPECT_TRUE(named->greeted);
  WireEnd* const again = co_await site.connect_from("10.1.2.4", named_header);
  EXPECT_FALSE(again->greeted);
  WireEnd* const itself = co_await site.connect_from("10.1.2.3", local_header);
  EXPECT_TRUE(itself->greeted);
}
TEST(Door, LimitsHoldForWhomABalancerNames) {
  run_wire({"a"}, counted_by_balancer, behind_a_balancer());
}

task<> too_many(WireSite& site) {
  site.node->admission().set_options({.sessions = 2});
  WireEnd* const second = co_await site.connect_from("second");
  EXPECT_TRUE(second->greeted);
  WireEnd* const third = co_await site.connect_from("third");
  EXPECT_TRUE(third->over);
  EXPECT_FALSE(third->greeted);
  EXPECT_EQ(third->why_over.reason, "too_many_sessions");
  EXPECT_EQ(site.metric("babilu_proxy_sessions_refused_total", "too_many_sessions"), 1);
  EXPECT_EQ(site.metric("babilu_proxy_open_sessions"), 2);
  second->close();
  co_await site.until([&] { return site.node->admission().sessions() == 1; }, "a place is free");
  WireEnd* const fourth = co_await site.connect_from("fourth");
  EXPECT_TRUE(fourth->greeted);
}
TEST(Door, WhoIsTurnedAwayHearsWhy) {
  run_wire({"a"}, too_many);
}

task<> reloaded(WireSite& site) {
  site["a"].options.answer = {};
  site.options.session.limits.streams = 2;
  site.options.relay.wait_for_backend = 100ms;
  site.options.handshake_timeout = 1s;
  site.options.balancers = {*proxy::Cidr::parse("10.0.0.0/8")};
  site.apply({"a"});
  EXPECT_EQ(site["a"].links(), 1u);
  WireEnd* const later = co_await site.connect_from("later");
  std::vector<std::uint32_t> of_first, of_later;
  for (int i = 0; i < 3; ++i) {
    of_first.push_back(site.client->ask());
    of_later.push_back(later->ask());
  }
  co_await until_answered(site, later, of_later[2]);
  EXPECT_EQ(later->outcome(of_later[2]), "too_many_streams");
  EXPECT_EQ(later->outcome(of_later[1]), "waiting");
  EXPECT_EQ(site.client->outcome(of_first[2]), "waiting") << "it began with more";
  WireEnd* const named = co_await site.connect_from("10.1.2.3", named_header);
  EXPECT_TRUE(named->greeted);
  site["a"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 0; }, "gone");
  const auto began = site.now();
  const std::uint32_t waits = site.client->ask();
  co_await until_answered(site, site.client, waits);
  EXPECT_LE(site.now() - began, 120ms);
  EXPECT_GE(site.now() - began, 100ms);
}
TEST(Door, AReloadHoldsForSessionsToComeAndForTheRelayAtOnce) {
  run_wire({"a"}, reloaded);
}

task<> reloaded_limits(WireSite& site) {
  site["a"].answer_with({});
  site.node->admission().set_options({.each = {.requests_per_second = 1}});
  site.apply({"a"});
  std::vector<std::uint32_t> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(site.client->ask());
  co_await until_answered(site, site.client, streams.back());
  int refused = 0;
  for (const auto stream : streams) {
    refused += site.client->outcome(stream) == "too_many_requests" ? 1 : 0;
  }
  EXPECT_EQ(refused, 3) << "twice as many at once";
  EXPECT_GT(site.client->answer(streams.back()).status.retry_after, 0ms);
  EXPECT_TRUE(site.client->answer(streams.back()).head.has(wire::flags::unstarted));
}
TEST(Door, AReloadHoldsForTheRatesOfSessionsThatAreThere) {
  run_wire({"a"}, reloaded_limits);
}

/// Fails as one does when the machine is out of files, then gives what comes.
class ShortOfFiles final : public net::Listener {
 public:
  ShortOfFiles(net::ListenerPtr inner, int failures)
      : failures_left(failures), inner_(std::move(inner)) {}
  task<Result<net::StreamPtr>> accept() override {
    ++asked;
    if (failures_left > 0) {
      --failures_left;
      co_return error_code(boost::asio::error::no_descriptors);
    }
    co_return co_await inner_->accept();
  }
  const net::Address& local() const noexcept override { return inner_->local(); }
  void close() noexcept override { inner_->close(); }

  int failures_left;
  int asked = 0;

 private:
  net::ListenerPtr inner_;
};

task<> out_of_files(sim::World& world) {
  WireSite site(world, {"a"}, {});
  co_await site.start({"a"});
  // A second door of the same house.
  net::Plaintext security;
  Lifecycle lifecycle;
  proxy::ProxyShared shared{lifecycle, log_into(world, "second"), site.node->observer(),
                            site.node->figures(), site.node->admission()};
  auto owned =
      std::make_unique<ShortOfFiles>(world.host("second").listen({"second", 7400}).value(), 5);
  ShortOfFiles& listener = *owned;
  proxy::Proxy second(world.runtime(), world.host("second"), security, security, std::move(owned),
                      shared, {});
  Scope scope(world.runtime());
  scope.spawn("second", second.run());
  co_await site.sleep(50ms);
  EXPECT_EQ(listener.asked, 1) << "it pauses instead of asking again at once";
  co_await site.sleep(2s);
  EXPECT_EQ(listener.failures_left, 0);
  EXPECT_EQ(listener.asked, 6);
  const auto stream = co_await world.host("client").connect({"second", 7400}, no_deadline);
  co_await site.until([&] { return site.metric("babilu_proxy_sessions_total") == 1; }, "accepted");
  stream.value()->close();
  lifecycle.advance(Phase::draining);
  co_await scope.join();
  co_await site.end();
}
TEST(Door, AMachineThatIsOutOfFilesIsAskedAgainAfterAPause) {
  sim::World world(1);
  world.run(out_of_files(world));
}

}  // namespace
}  // namespace babilu::test
