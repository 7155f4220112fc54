// What each path answers.
#include <map>

#include <boost/json.hpp>

#include "core/telemetry/process_metrics.h"
#include "tests/unit/admin_support.h"

namespace babilu::admin {
namespace {

namespace json = boost::json;

TEST(AdminPaths, LivenessAnswersInEveryPhase) {
  Site site;
  site.play([](Site& s) -> task<> {
    for (const Phase phase : {Phase::starting, Phase::ready, Phase::draining, Phase::stopped}) {
      s.lifecycle.advance(phase);
      const Reply reply = co_await exchange(s, request("GET /livez"));
      EXPECT_EQ(reply.status, 200U) << to_string(phase);
      EXPECT_EQ(reply.body, "ok\n");
    }
  });
}

task<> follow_readiness(Site& s, std::optional<std::string>& failure) {
  Reply reply = co_await exchange(s, request("GET /readyz"));
  EXPECT_EQ(reply.status, 503U) << "while starting";
  EXPECT_EQ(reply.body, "not ready\n");

  s.lifecycle.advance(Phase::ready);
  reply = co_await exchange(s, request("GET /readyz"));
  EXPECT_EQ(reply.status, 200U);
  EXPECT_EQ(reply.body, "ready\n");

  failure = "no backend answers";
  reply = co_await exchange(s, request("GET /readyz"));
  EXPECT_EQ(reply.status, 503U) << "while a check fails";
  failure.reset();

  s.lifecycle.advance(Phase::draining);
  reply = co_await exchange(s, request("GET /readyz"));
  EXPECT_EQ(reply.status, 503U) << "while draining";
}

TEST(AdminPaths, ReadinessFollowsPhaseAndChecks) {
  Site site;
  std::optional<std::string> failure;
  site.lifecycle.add_check("links", [&failure] { return failure; });
  site.play([&failure](Site& s) { return follow_readiness(s, failure); });
}

task<> follow_warning(Site& s, std::optional<std::string>& warning) {
  Reply reply = co_await exchange(s, request("GET /readyz?verbose"));
  EXPECT_EQ(reply.status, 200U);
  EXPECT_EQ(reply.body, "[+] phase: ready\n[+] certificate\n[!] certificate: ends soon\nready\n");
  reply = co_await exchange(s, request("GET /stats"));
  EXPECT_NE(reply.body.find("\"warning\":\"ends soon\""), std::string::npos) << reply.body;
  warning.reset();
  reply = co_await exchange(s, request("GET /readyz?verbose"));
  EXPECT_EQ(reply.body, "[+] phase: ready\n[+] certificate\nready\n");
}

TEST(AdminPaths, VerboseReadinessListsPhaseAndEveryCheck) {
  Site site;
  site.lifecycle.add_check("store", [] { return std::nullopt; });
  site.lifecycle.add_check("links", [] { return "0 of 2 are up"; });
  site.lifecycle.advance(Phase::ready);
  site.play([](Site& s) -> task<> {
    const std::string expected =
        "[+] phase: ready\n[+] store\n[-] links: 0 of 2 are up\nnot ready\n";
    for (const char* path : {"/readyz?verbose", "/readyz?verbose=1", "/readyz?x=y&verbose"}) {
      const Reply reply = co_await exchange(s, request("GET " + std::string(path)));
      EXPECT_EQ(reply.status, 503U);
      EXPECT_EQ(reply.body, expected) << path;
    }
    const Reply reply = co_await exchange(s, request("GET /readyz?verbosely"));
    EXPECT_EQ(reply.body, "not ready\n");
  });
}

TEST(AdminPaths, AWarningIsToldAndTakesNothingFromReadiness) {
  Site site;
  std::optional<std::string> warning = "ends soon";
  site.lifecycle.add_check("certificate", [] { return std::nullopt; });
  site.lifecycle.add_warning("certificate", [&warning] { return warning; });
  site.lifecycle.advance(Phase::ready);
  site.play([&warning](Site& s) { return follow_warning(s, warning); });
}

TEST(AdminPaths, MetricsChooseTheirFormatByAccept) {
  Site site;
  site.metrics.counter("things_total", "Things").add(3);
  site.play([](Site& s) -> task<> {
    Reply reply = co_await exchange(s, request("GET /metrics"));
    EXPECT_EQ(reply.status, 200U);
    EXPECT_EQ(reply.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_NE(reply.body.find("\nthings_total 3\n"), std::string::npos) << reply.body;
    EXPECT_EQ(reply.body.find("# EOF"), std::string::npos);

    reply = co_await exchange(
        s, request("GET /metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n"));
    EXPECT_EQ(reply.field("Content-Type"),
              "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_TRUE(reply.body.ends_with("# EOF\n"));
  });
}

TEST(AdminPaths, StatsAreJsonWithEverythingInThem) {
  Site site;
  site.metrics.counter("things_total", "Things", {{"kind", "big"}}).add(3);
  site.metrics.gauge("level", "A level").set(-7);
  auto& histogram = site.metrics.histogram("wait_seconds", "Waits");
  for (int i = 1; i <= 100; ++i) histogram.record(i * 1ms);
  const auto kept = telemetry::register_process_metrics(site.metrics);
  site.lifecycle.add_check("links", [] { return "none is up"; });
  site.lifecycle.advance(Phase::ready);
  site.admin.add_stats("backends", [] { return json::value{{"up", 2}}; });

  site.play([](Site& s) -> task<> {
    co_await s.world.runtime().sleep_for(90s);
    const Reply reply = co_await exchange(s, request("GET /stats"));
    EXPECT_EQ(reply.status, 200U);
    EXPECT_EQ(reply.field("Content-Type"), "application/json");
    const json::value stats = json::parse(reply.body);
    EXPECT_EQ(stats.at("name").as_string(), "proxy");
    EXPECT_EQ(stats.at("version").as_string(), "1.2.3");
    EXPECT_EQ(stats.at("phase").as_string(), "ready");
    EXPECT_FALSE(stats.at("ready").as_bool());
    EXPECT_EQ(stats.at_pointer("/checks/0/name").as_string(), "links");
    EXPECT_EQ(stats.at_pointer("/checks/0/failure").as_string(), "none is up");
    EXPECT_NEAR(stats.at("uptime_seconds").as_double(), 90, 0.1);
    EXPECT_TRUE(stats.at("time").as_string().starts_with("2026-01-01T00:01:30"));
    EXPECT_GT(stats.at_pointer("/process/resident_memory_bytes").as_int64(), 1'000'000);
    EXPECT_GT(stats.at_pointer("/process/open_fds").as_int64(), 0);
    EXPECT_EQ(stats.at_pointer("/sections/backends/up").as_int64(), 2);

    std::map<std::string, json::value> metrics;
    for (const json::value& family : stats.at("metrics").as_array()) {
      metrics[std::string(family.at("name").as_string())] = family;
    }
    EXPECT_EQ(metrics.at("things_total").at("kind").as_string(), "counter");
    EXPECT_EQ(metrics.at("things_total").at_pointer("/series/0/labels/kind").as_string(), "big");
    EXPECT_EQ(metrics.at("things_total").at_pointer("/series/0/value").as_int64(), 3);
    EXPECT_EQ(metrics.at("level").at_pointer("/series/0/value").as_int64(), -7);
    const json::value& wait = metrics.at("wait_seconds").at_pointer("/series/0");
    EXPECT_EQ(metrics.at("wait_seconds").at("unit").as_string(), "seconds");
    EXPECT_EQ(wait.at("count").as_int64(), 100);
    EXPECT_NEAR(wait.at("p50").as_double(), 0.050, 0.001);
    EXPECT_NEAR(wait.at("p99").as_double(), 0.099, 0.002);
    EXPECT_NEAR(wait.at("max").as_double(), 0.1, 1e-9);
    const json::array& buckets = wait.at("buckets").as_array();
    EXPECT_NEAR(buckets.back().at(0).to_number<double>(), 60, 1e-9) << "the last with a bound";
    EXPECT_EQ(buckets.back().at(1).as_int64(), 100);
  });
}

TEST(AdminPaths, LogHasTheLastWarningsAndErrors) {
  Site site;
  site.log.component("relay").warn("link \"a\"\nlost", telemetry::field("backend", "b:1"),
                                   telemetry::field("attempt", 2));
  site.log.info("nothing to see");
  site.log.error("worse");
  site.play([](Site& s) -> task<> {
    const Reply reply = co_await exchange(s, request("GET /log"));
    EXPECT_EQ(reply.field("Content-Type"), "application/json");
    const json::value log = json::parse(reply.body);
    const json::array& entries = log.at("entries").as_array();
    EXPECT_EQ(entries.size(), 2U);
    if (entries.size() != 2) co_return;
    EXPECT_EQ(entries[0].at("level").as_string(), "warn");
    EXPECT_EQ(entries[0].at("component").as_string(), "relay");
    EXPECT_EQ(entries[0].at("message").as_string(), "link \"a\"\nlost");
    EXPECT_EQ(entries[0].at("attempt").as_int64(), 2);
    EXPECT_EQ(entries[1].at("message").as_string(), "worse");
    EXPECT_EQ(log.at_pointer("/entries_total/error").as_int64(), 1);
  });
}

TEST(AdminPaths, AnEmptyLogIsJsonToo) {
  Site site;
  site.play([](Site& s) -> task<> {
    const Reply reply = co_await exchange(s, request("GET /log"));
    EXPECT_TRUE(json::parse(reply.body).at("entries").as_array().empty());
  });
}

TEST(AdminPaths, DrainAdvancesTheLifecycleOnce) {
  Site site;
  site.lifecycle.advance(Phase::ready);
  site.play([](Site& s) -> task<> {
    Reply reply = co_await exchange(s, request("GET /drain"));
    EXPECT_EQ(reply.status, 405U);
    EXPECT_EQ(reply.field("Allow"), "POST");
    EXPECT_EQ(s.lifecycle.phase(), Phase::ready) << "a GET changes nothing";

    reply = co_await exchange(s, request("POST /drain", "Content-Length: 0\r\n"));
    EXPECT_EQ(reply.status, 202U);
    EXPECT_EQ(reply.body, "draining\n");
    EXPECT_EQ(s.lifecycle.phase(), Phase::draining);

    reply = co_await exchange(s, request("POST /drain"));
    EXPECT_EQ(reply.status, 202U);
    EXPECT_EQ(reply.body, "already draining\n");
    EXPECT_EQ(s.lines.size(), 1U) << "said in the log, once";
  });
}

TEST(AdminPaths, UnknownPathsGetTheListOfPaths) {
  Site site;
  site.admin.handle(Method::post, "/rotate", "rotate the keys",
                    [](const Request&) { return Response{.status = 204}; });
  site.play([](Site& s) -> task<> {
    const Reply reply = co_await exchange(s, request("GET /nowhere"));
    EXPECT_EQ(reply.status, 404U);
    for (const char* path :
         {"/livez", "/readyz", "/metrics", "/stats", "/log", "/drain", "/rotate"}) {
      EXPECT_NE(reply.body.find(path), std::string::npos) << path;
    }
    EXPECT_EQ((co_await exchange(s, request("GET /stats/"))).status, 404U);
    EXPECT_EQ((co_await exchange(s, request("GET //stats"))).status, 404U);
  });
}

TEST(AdminPaths, OtherMethodsAreToldWhatThePathTakes) {
  Site site;
  site.play([](Site& s) -> task<> {
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"}) {
      const Reply reply = co_await exchange(s, request(std::string(method) + " /stats"));
      EXPECT_EQ(reply.status, 405U) << method;
      EXPECT_EQ(reply.field("Allow"), "GET, HEAD");
    }
  });
}

TEST(AdminPaths, HeadIsGetWithoutTheBody) {
  Site site;
  site.play([](Site& s) -> task<> {
    for (const char* path : {"/", "/livez", "/readyz", "/metrics", "/stats", "/log"}) {
      const Reply get = co_await exchange(s, request("GET " + std::string(path)));
      Client client(s);
      co_await client.open();
      co_await client.send(request("HEAD " + std::string(path), "Connection: close\r\n"));
      const Reply head = co_await client.receive(true);
      EXPECT_EQ(head.status, get.status) << path;
      EXPECT_EQ(head.field("Content-Type"), get.field("Content-Type"));
      EXPECT_FALSE(head.field("Content-Length").empty());
      EXPECT_EQ(co_await client.rest(), "") << path << ": a body followed";
    }
  });
}

TEST(AdminPaths, AHandlerThatThrowsIsAnsweredAndLogged) {
  Site site;
  site.admin.handle(Method::get, "/broken", "",
                    [](const Request&) -> Response { throw std::runtime_error("the reason"); });
  site.play([](Site& s) -> task<> {
    const Reply reply = co_await exchange(s, request("GET /broken"));
    EXPECT_EQ(reply.status, 500U);
    EXPECT_EQ(reply.body.find("the reason"), std::string::npos) << "told to a stranger";
    EXPECT_EQ(s.lines.size(), 1U);
    EXPECT_NE(s.lines.at(0).find("the reason"), std::string::npos);
  });
}

TEST(AdminPaths, AHandlerGetsQueryAndBody) {
  Site site;
  site.admin.handle(Method::post, "/level", "", [](const Request& asked) {
    return Response{.body = std::string(asked.query) + "|" + std::string(asked.body)};
  });
  site.play([](Site& s) -> task<> {
    const Reply reply =
        co_await exchange(s, request("POST /level?to=debug", "Content-Length: 5\r\n") + "a=b=c");
    EXPECT_EQ(reply.body, "to=debug|a=b=c");
  });
}

TEST(AdminPaths, APathIsAddedOnce) {
  Site site;
  const Handler handler = [](const Request&) { return Response{}; };
  EXPECT_THROW(site.admin.handle(Method::get, "/stats", "", handler), std::invalid_argument);
  EXPECT_THROW(site.admin.handle(Method::get, "stats", "", handler), std::invalid_argument);
}

TEST(AdminPaths, EveryAnswerKeepsBrowsersCareful) {
  Site site;
  site.play([](Site& s) -> task<> {
    for (const char* path : {"/", "/stats", "/nowhere"}) {
      const Reply reply = co_await exchange(s, request("GET " + std::string(path)));
      EXPECT_EQ(reply.field("X-Content-Type-Options"), "nosniff") << path;
      EXPECT_EQ(reply.field("Cache-Control"), "no-store");
      EXPECT_EQ(reply.field("Cross-Origin-Resource-Policy"), "same-origin");
      const std::string policy = reply.field("Content-Security-Policy");
      EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
      EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
      EXPECT_EQ(policy.find("unsafe"), std::string::npos);
      EXPECT_EQ(reply.field("Date"), "Thu, 01 Jan 2026 00:00:00 GMT");
      EXPECT_TRUE(reply.field("Access-Control-Allow-Origin").empty());
    }
  });
}

}  // namespace
}  // namespace babilu::admin
