// A chart says what was measured, not what was measured once.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "bench/versus/chart.h"
#include "bench/versus/haproxy_version.h"

namespace babilu::bench {
namespace {

constexpr const char* said = R"(HAProxy version 3.0.11-1+deb13u2 2026/02/03 - https://haproxy.org/
Built with OpenSSL version : OpenSSL 3.5.1 1 Jul 2025
Running on OpenSSL version : OpenSSL 3.5.9 29 Sep 2026
)";

std::string drawn(const std::string& rival) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const auto file =
      std::filesystem::path(::testing::TempDir()) / (std::string(test->name()) + ".svg");
  write_chart(file, {}, rival);
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(file);
  return text;
}

TEST(Chart, NamesTheRivalThatWasMeasured) {
  const std::string chart = drawn(parse_haproxy_version(said).title());
  EXPECT_NE(chart.find("beside HAProxy 3.0.11 with OpenSSL 3.5.9, one core each"),
            std::string::npos)
      << chart;
}

TEST(Chart, KnowsTheOpensslThatRunsFromTheOneThatBuilt) {
  const HaproxyVersion version = parse_haproxy_version(said);
  EXPECT_EQ(version.haproxy, "3.0.11-1+deb13u2");
  EXPECT_EQ(version.openssl, "OpenSSL 3.5.9 29 Sep 2026");
  EXPECT_TRUE(version.hybrid);
  EXPECT_FALSE(
      parse_haproxy_version("Running on OpenSSL version : OpenSSL 3.0.19 27 Jan 2026\n").hybrid);
}

}  // namespace
}  // namespace babilu::bench
