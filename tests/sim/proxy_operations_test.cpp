// What an operator sees of the backends, and does to one of them, at the admin endpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/admin/admin.h"
#include "core/runtime/runtime.h"
#include "roles/proxy/operations.h"
#include "tests/sim/wire_site.h"
#include "tests/support/status.h"

namespace babilu::test {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

constexpr std::string_view token = "a-token-of-some-length";

/// An admin endpoint for the proxy of a site.
class Office {
 public:
  explicit Office(WireSite& site)
      : site_(site),
        fleet_(site.node->figures()),
        member_(fleet_.add(site.world.runtime(), site.node->proxy(),
                           [this](const tls::ContextPtr&) { ++contexts_used; })),
        log_(log_into(site.world, "office")),
        admin_(site.world.runtime(),
               site.world.host("localhost").listen({"localhost", 7480}).value(),
               {.name = "proxy", .version = "1", .token = Secret(token.begin(), token.end())},
               lifecycle_, metrics_, log_),
        scope_(site.world.runtime()) {
    proxy::extend(admin_, fleet_, site.node->admission(), site.node->observer());
    scope_.spawn("admin", admin_.run());
  }
  task<> close() { co_await scope_.close(); }

  /// The whole answer, head and body.
  task<std::string> ask(std::string method_and_path) {
    auto connected =
        co_await site_.world.host("operator").connect({"localhost", 7480}, no_deadline);
    net::Stream& stream = *connected.value();
    const std::string request = method_and_path +
                                " HTTP/1.1\r\nHost: localhost:7480\r\nConnection: close\r\n" +
                                "Authorization: Bearer " + std::string(token) + "\r\n\r\n";
    EXPECT_FALSE(co_await net::write_all(stream, bytes_of(request)));
    std::string answer;
    for (;;) {
      std::uint8_t buffer[4096];
      const net::Transfer got = stream.read_some(buffer);
      answer += text_of({buffer, got.bytes});
      if (got.bytes > 0) continue;
      if (got.error != boost::asio::error::would_block) break;
      if (co_await stream.readable()) break;
    }
    co_return answer;
  }
  /// A section of /stats.
  task<json::value> section(std::string name) {
    const std::string answer = co_await ask("GET /stats");
    const auto body = answer.find("\r\n\r\n");
    EXPECT_NE(body, answer.npos) << answer;
    co_return json::parse(answer.substr(body + 4)).at("sections").at(name);
  }
  /// What /stats says of one backend.
  task<json::object> backend(std::string host) {
    const json::value all = co_await section("backends");
    for (const json::value& one : all.as_array()) {
      if (one.at("name").as_string() == host + ":7401") co_return one.as_object();
    }
    ADD_FAILURE() << "no backend " << host;
    co_return json::object();
  }
  task<std::string> state(std::string host) {
    const json::object one = co_await backend(host);
    co_return std::string(one.at("state").as_string());
  }

  proxy::Fleet& fleet() { return fleet_; }
  int contexts_used = 0;

 private:
  WireSite& site_;
  proxy::Fleet fleet_;
  proxy::Fleet::Membership member_;
  Lifecycle lifecycle_;
  telemetry::Metrics metrics_;
  telemetry::Log log_;
  admin::Admin admin_;
  Scope scope_;
};

task<> states(WireSite& site) {
  Office office(site);
  EXPECT_EQ(co_await office.state("a"), "healthy");
  EXPECT_THAT(co_await office.ask("POST /backends/a:7401/drain"), HasSubstr("202"));
  co_await site.sleep(1ms);
  EXPECT_EQ(co_await office.state("a"), "draining");
  EXPECT_EQ(co_await office.state("b"), "healthy");
  for (int i = 0; i < 20; ++i) site.client->ask();
  co_await site.until([&] { return site["b"].asked() == 20; }, "the other gets all");
  EXPECT_THAT(co_await office.ask("POST /backends/a:7401/undrain"), HasSubstr("202"));
  co_await site.sleep(1ms);
  EXPECT_EQ(co_await office.state("a"), "healthy");
  EXPECT_THAT(co_await office.ask("POST /backends/b%3A7401/drain"), HasSubstr("202"));
  co_await site.sleep(1ms);
  EXPECT_EQ(co_await office.state("b"), "draining");
  EXPECT_THAT(co_await office.ask("POST /backends/%62%3a7401/undrain"), HasSubstr("202"));
  co_await site.sleep(1ms);
  EXPECT_THAT(co_await office.ask("POST /backends/b%3/drain"), HasSubstr("400"));
  for (const char* path : {"/backends/z:1/drain", "/backends/a:7401/stop", "/backends/drain"}) {
    EXPECT_THAT(co_await office.ask("POST " + std::string(path)), HasSubstr("404")) << path;
  }
  EXPECT_EQ(co_await office.state("a"), "healthy");
  site["b"].stop();
  co_await site.until([&] { return site.node->proxy().links_up() == 1; }, "gone");
  EXPECT_EQ(co_await office.state("b"), "down");
  co_await office.close();
}
TEST(Operations, OneBackendCanBeDrained) {
  run_wire({"a", "b"}, states);
}

task<> ejected(WireSite& site) {
  Office office(site);
  site["a"].answer_with(
      rpc::Reply::refuse(test::status(rpc::Code::internal, "as_the_test_wants", "")));
  site["b"].answer_with({});
  for (int i = 0; i < 1500; ++i) {
    site.client->ask();
    co_await site.sleep(1ms);
  }
  EXPECT_EQ(co_await office.state("a"), "ejected");
  const json::object a = co_await office.backend("a");
  EXPECT_EQ(a.at("ejections"), 1);
  EXPECT_EQ(a.at("links_up"), 1);
  EXPECT_EQ(a.at("errors"), a.at("requests"));
  EXPECT_EQ(co_await office.state("b"), "healthy");
  co_await office.close();
}
TEST(Operations, SayWhoIsEjected) {
  run_wire({"a", "b"}, ejected);
}

task<> figures(WireSite& site) {
  Office office(site);
  site["a"].answer_with({}, 10ms);
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t stream = site.client->ask();
    co_await site.until([&] { return site.client->answer_to(stream) != nullptr; }, "answered");
  }
  site["a"].end().options.answer = {};
  site.client->ask_retryable();
  co_await site.until([&] { return site["a"].asked() == 11; }, "asked");
  const json::object a = co_await office.backend("a");
  EXPECT_EQ(a.at("requests"), 10);
  EXPECT_EQ(a.at("errors"), 0);
  EXPECT_EQ(a.at("in_flight"), 1);
  EXPECT_EQ(a.at("retries"), 0);
  EXPECT_NEAR(a.at("p50_ms").as_double(), 10.5, 1);
  EXPECT_NEAR(a.at("p99_ms").as_double(), 10.5, 1);
  EXPECT_EQ(a.at("sent_bytes").to_number<std::uint64_t>(), site.figures("a").bytes_sent.value());
  EXPECT_EQ(a.at("received_bytes"), 10 * 24);
  co_await office.close();
}
TEST(Operations, SayWhatABackendDoes) {
  run_wire({"a"}, figures);
}

task<> limits(WireSite& site) {
  Office office(site);
  proxy::AdmissionOptions options{.sessions = 11,
                                  .total_handshakes_per_second = 12,
                                  .each = {13, 14, 15},
                                  .exempt = {*proxy::Cidr::parse("192.0.2.0/24")}};
  options.overrides.push_back(
      *proxy::AdmissionOptions::parse_override("10.0.0.0/8 sessions=5", options.each));
  options.overrides.push_back(
      *proxy::AdmissionOptions::parse_override("10.1.0.0/16 sessions=5", options.each));
  site.node->admission().set_options(options);
  const json::value said = co_await office.section("limits");
  EXPECT_EQ(said.at("sessions"), 11);
  EXPECT_EQ(said.at("sessions_open"), 1);
  EXPECT_EQ(said.at("total_handshakes_per_second"), 12);
  EXPECT_EQ(said.at("addresses"), 1);
  EXPECT_EQ(said.at("sessions_per_address"), 13);
  EXPECT_EQ(said.at("handshakes_per_second"), 14);
  EXPECT_EQ(said.at("requests_per_second"), 15);
  EXPECT_EQ(said.at("overrides"), 2);
  EXPECT_EQ(said.at("exempt_networks"), 1);
  EXPECT_EQ(said.at("refused_sessions").at("too_many_sessions"), 0);
  EXPECT_EQ(said.at("refused_requests").at("unknown_service"), 0);
  site.client->ask("x", {.method = 0x0901});
  co_await site.until([&] { return !site.client->seen.empty(); }, "refused");
  const json::value later = co_await office.section("limits");
  EXPECT_EQ(later.at("refused_requests").at("unknown_service"), 1);
  co_await office.close();
}
TEST(Operations, SayWhichLimitsHoldAndWhatTheyRefused) {
  run_wire({"a"}, limits);
}

task<> applied(WireSite& site) {
  Office office(site);
  proxy::ProxyOptions options = site.options;
  options.backends = {*proxy::Backend::parse("b:7401")};
  office.fleet().apply(options, nullptr);
  EXPECT_EQ(site.node->proxy().links(), 2u) << "on its own thread, a little later";
  co_await site.sleep(1ms);
  EXPECT_EQ(site.node->proxy().links(), 1u);
  EXPECT_EQ(office.contexts_used, 1) << "certificates with it";

  // A loop whose proxy has ended is told nothing any more, not even what was on its way.
  int told = 0;
  proxy::Fleet other(site.node->figures());
  {
    const auto member = other.add(site.world.runtime(), site.node->proxy(),
                                  [&](const tls::ContextPtr&) { ++told; });
    other.apply(options, nullptr);
  }
  other.apply(options, nullptr);
  co_await site.sleep(1ms);
  EXPECT_EQ(told, 0);
  co_await office.close();
}
TEST(Operations, AReloadReachesEachLoopThatIsThere) {
  run_wire({"a", "b"}, applied);
}

task<> out_and_in(WireSite& site) {
  Office office(site);
  EXPECT_THAT(co_await office.ask("POST /backends/a:7401/drain"), HasSubstr("202"));
  co_await site.sleep(1ms);
  EXPECT_EQ(co_await office.state("a"), "draining");
  site.apply({"b"});
  co_await site.until([&] { return site["a"].end().over; }, "it is left");
  co_await site.sleep(10ms);
  EXPECT_THAT(co_await office.ask("POST /backends/a:7401/drain"), HasSubstr("404"))
      << "it is there no more";
  site.apply({"a", "b"});
  co_await site.until([&] { return site.node->proxy().links_up() == 2; }, "it is back");
  EXPECT_EQ(co_await office.state("a"), "healthy");
  for (int i = 0; i < 40; ++i) site.client->ask();
  co_await site.until([&] { return site["a"].asked() + site["b"].asked() == 40; }, "asked");
  EXPECT_GT(site["a"].asked(), 0u) << "as it says";

  // The same while it still has something to answer, so that the old link is there beside the new.
  EXPECT_THAT(co_await office.ask("POST /backends/a:7401/drain"), HasSubstr("202"));
  co_await site.sleep(1ms);
  site.apply({"b"});
  site.apply({"a", "b"});
  co_await site.until([&] { return site.node->proxy().links_up() == 2; }, "it is back");
  EXPECT_EQ(co_await office.state("a"), "healthy");
  co_await office.close();
}
TEST(Operations, ABackendThatWasDrainedAndTakenOutBeginsAnew) {
  run_wire({"a", "b"}, out_and_in);
}

}  // namespace
}  // namespace babilu::test
