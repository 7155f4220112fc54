#include "core/telemetry/exposition.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/telemetry/metrics.h"

namespace babilu::telemetry {
namespace {

using namespace std::chrono_literals;

bool has_line(const std::string& body, const std::string& line) {
  return ("\n" + body).find("\n" + line + "\n") != std::string::npos;
}

int count_of(const std::string& body, const std::string& part) {
  int count = 0;
  for (std::size_t at = body.find(part); at != std::string::npos; at = body.find(part, at + 1)) {
    ++count;
  }
  return count;
}

void fill(Metrics& metrics) {
  metrics.counter("babilu_requests_total", "Requests.", {{"service", "vault"}}).add(7);
  metrics.counter("babilu_requests_total", "Requests.", {{"service", "mailbox"}}).add(2);
  metrics.gauge("babilu_sessions", "Sessions open.").set(-3);
  metrics.histogram("babilu_request_seconds", "Latency.", {{"method", "echo"}}).record(3ms);
}

TEST(PrometheusText, HasEveryKind) {
  Metrics metrics;
  fill(metrics);
  const Exposition exposition = expose(metrics, "");
  EXPECT_EQ(exposition.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const std::string& body = exposition.body;
  EXPECT_TRUE(has_line(body, "# HELP babilu_requests_total Requests.")) << body;
  EXPECT_TRUE(has_line(body, "# TYPE babilu_requests_total counter"));
  EXPECT_TRUE(has_line(body, R"(babilu_requests_total{service="vault"} 7)"));
  EXPECT_TRUE(has_line(body, R"(babilu_requests_total{service="mailbox"} 2)"));
  EXPECT_TRUE(has_line(body, "babilu_sessions -3"));
  EXPECT_TRUE(has_line(body, "# TYPE babilu_request_seconds histogram"));
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_bucket{method="echo",le="0.0025"} 0)"));
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_bucket{method="echo",le="0.005"} 1)"));
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_bucket{method="echo",le="+Inf"} 1)"));
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_count{method="echo"} 1)"));
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_sum{method="echo"} 0.003)"));
  EXPECT_LE(count_of(body, "_bucket{"), 24);
  EXPECT_EQ(body.find("# EOF"), std::string::npos);
}

TEST(OpenMetricsText, IsExactlyThis) {
  Metrics metrics;
  metrics.counter("babilu_requests_total", "Requests.", {{"b", "2"}, {"a", "1"}}).add(7);
  metrics.counter("process_cpu_seconds_total", "CPU.").add(12);
  metrics.gauge("babilu_sessions", "Sessions open.").set(-3);
  const auto level = metrics.gauge_callback("babilu_level", "Level.", {}, [] { return 0.25; });
  EXPECT_EQ(openmetrics_text(metrics.snapshot()),
            "# TYPE babilu_level gauge\n"
            "# HELP babilu_level Level.\n"
            "babilu_level 0.25\n"
            "# TYPE babilu_requests counter\n"
            "# HELP babilu_requests Requests.\n"
            "babilu_requests_total{a=\"1\",b=\"2\"} 7\n"
            "# TYPE babilu_sessions gauge\n"
            "# HELP babilu_sessions Sessions open.\n"
            "babilu_sessions -3\n"
            "# TYPE process_cpu_seconds counter\n"
            "# UNIT process_cpu_seconds seconds\n"
            "# HELP process_cpu_seconds CPU.\n"
            "process_cpu_seconds_total 12\n"
            "# EOF\n");
}

TEST(OpenMetricsText, HasHistogramsWithCanonicalBounds) {
  Metrics metrics;
  fill(metrics);
  const Exposition exposition = expose(metrics, "application/openmetrics-text");
  EXPECT_EQ(exposition.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  const std::string& body = exposition.body;
  EXPECT_TRUE(has_line(body, "# UNIT babilu_request_seconds seconds"));
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_bucket{method="echo",le="0.005"} 1)"));
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_bucket{method="echo",le="1.0"} 1)")) << body;
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_bucket{method="echo",le="+Inf"} 1)"));
  EXPECT_TRUE(has_line(body, R"(babilu_request_seconds_count{method="echo"} 1)"));
  EXPECT_TRUE(body.ends_with("# EOF\n"));
}

TEST(OpenMetricsText, OfNothingIsStillComplete) {
  EXPECT_EQ(openmetrics_text(Metrics().snapshot()), "# EOF\n");
  EXPECT_EQ(prometheus_text(Metrics().snapshot()), "");
}

TEST(Exposition, EscapesLabelValues) {
  Metrics metrics;
  metrics.gauge("babilu_x", "X.", {{"path", "a\\b\"c\nd"}}).set(1);
  metrics.gauge("babilu_x", "X.", {{"path", "bad \xff\xc3 utf-8"}}).set(2);
  const std::string escaped = R"(babilu_x{path="a\\b\"c\nd"} 1)";
  const std::string replaced = "babilu_x{path=\"bad \xEF\xBF\xBD\xEF\xBF\xBD utf-8\"} 2";
  for (const char* accept : {"text/plain", "application/openmetrics-text"}) {
    const std::string body = expose(metrics, accept).body;
    EXPECT_TRUE(has_line(body, escaped)) << body;
    EXPECT_TRUE(has_line(body, replaced)) << body;
  }
}

TEST(Exposition, WritesNumbersThatAreNone) {
  Metrics metrics;
  const auto nan = metrics.gauge_callback("babilu_nan", "N.", {}, [] { return 0.0 / 0.0; });
  const auto inf = metrics.gauge_callback("babilu_inf", "I.", {}, [] { return -1.0 / 0.0; });
  for (const char* accept : {"text/plain", "application/openmetrics-text"}) {
    const std::string body = expose(metrics, accept).body;
    EXPECT_TRUE(has_line(body, "babilu_inf -Inf")) << body;
    EXPECT_TRUE(has_line(body, "babilu_nan NaN") || has_line(body, "babilu_nan Nan")) << body;
  }
}

TEST(Accept, PrefersOpenMetricsOnlyWhenAsked) {
  for (const char* accept :
       {"application/openmetrics-text", "Application/OpenMetrics-Text; Version=1.0.0",
        "application/openmetrics-text;version=1.0.0;q=0.8,"
        "application/openmetrics-text;version=0.0.1;q=0.7,text/plain;version=0.0.4;q=0.5,*/*;q=0.3",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,*/*;q=0.1",
        "text/plain;q=0.2 , application/openmetrics-text ; q=0.2"}) {
    EXPECT_TRUE(prefers_openmetrics(accept)) << accept;
  }
  for (const char* accept :
       {"", "*/*", "text/plain", "text/html,*/*;q=0.8", "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.000", "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0",
        "text/plain;q=0.9,application/openmetrics-text;q=0.8",
        "text/*, application/openmetrics-text;q=0.8", "application/openmetrics-textual",
        "application/openmetrics-text;q=high", "application/openmetrics-text;q=", ",,;;=,;q",
        "application/openmetrics-text;q=2"}) {
    EXPECT_FALSE(prefers_openmetrics(accept)) << accept;
  }
}

}  // namespace
}  // namespace babilu::telemetry
