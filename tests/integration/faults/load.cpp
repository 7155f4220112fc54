#include "tests/integration/faults/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace babilu::testing {

namespace json = boost::json;

namespace {

/// A member of a member of …: "requests.failed".
const json::value& at(const json::value& report, std::string_view place) {
  const auto dot = place.find('.');
  const json::value& member = report.at(place.substr(0, dot));
  return dot == place.npos ? member : at(member, place.substr(dot + 1));
}

LoadReport parse(const std::string& text) {
  const json::value report = json::parse(text);
  const auto count = [&](std::string_view place) {
    return at(report, place).to_number<std::uint64_t>();
  };
  const auto ms = [&](std::string_view place) {
    return at(report, place).to_number<double>() / 1000;
  };
  LoadReport made{.requests = count("requests.total"),
                  .failed = count("requests.failed"),
                  .omitted = count("requests.omitted"),
                  .reconnects = count("connections.reconnects"),
                  .lost = count("checks.lost"),
                  .duplicated = count("checks.duplicated"),
                  .corrupt = count("checks.corrupt"),
                  .unchecked = count("checks.unchecked"),
                  .median_ms = ms("latency_us.p50"),
                  .longest_ms = ms("latency_us.max")};
  for (const json::value& error : at(report, "errors").as_array()) {
    const auto word = [&](std::string_view place) {
      return std::string(error.at(place).as_string());
    };
    made.errors.push_back({word("phase"), word("method"), word("code"), word("reason"),
                           error.at("count").to_number<std::uint64_t>()});
  }
  return made;
}

}  // namespace

Load::Load(const Stack& stack, Options options)
    : options_(std::move(options)),
      report_(stack.path() / (options_.name + ".json")),
      process_({.arguments = arguments(stack, options_, report_)}) {}

std::vector<std::string> Load::arguments(const Stack& stack, const Options& options,
                                         const std::filesystem::path& report) {
  std::vector<std::string> all{"bots",
                               "--target",
                               stack.target(),
                               "--scenario",
                               options.scenario,
                               "--sessions",
                               std::to_string(options.sessions),
                               "--rate",
                               std::to_string(options.rate),
                               "--deadline",
                               options.deadline,
                               "--duration",
                               "5m",  // finish() comes first
                               "--json",
                               report};
  if (stack.plaintext()) {
    all.emplace_back("--plaintext");
  } else {
    all.insert(all.end(), {"--ca", stack.authority()});
  }
  all.insert(all.end(), options.more.begin(), options.more.end());
  return all;
}

LoadReport Load::finish() {
  process_.signal(SIGINT);
  const int exit_code = process_.wait();
  const std::string text = read_file(report_);
  if (text.empty()) throw std::runtime_error("the bots left no report: " + process_.err());
  LoadReport report = parse(text);
  report.exit_code = exit_code;
  report.said = process_.out();
  fmt::print(
      "[ {:8} ] {} requests, {} failed, {} left out, {} reconnects; p50 {:.2f} ms, longest {:.0f} "
      "ms; "
      "lost {}, duplicated {}, corrupt {}\n",
      options_.name, report.requests, report.failed, report.omitted, report.reconnects,
      report.median_ms, report.longest_ms, report.lost, report.duplicated, report.corrupt);
  for (const auto& error : report.errors) {
    fmt::print("[ {:8} ]   {} × {} {} {} {}\n", options_.name, error.count, error.phase,
               error.method, error.code, error.reason);
  }
  std::fflush(stdout);
  return report;
}

void expect_kept(const LoadReport& report) {
  EXPECT_EQ(report.lost, 0U) << report.said;
  EXPECT_EQ(report.duplicated, 0U) << report.said;
  EXPECT_EQ(report.corrupt, 0U) << report.said;
  EXPECT_EQ(report.unchecked, 0U) << report.said;
  EXPECT_GT(report.requests, report.failed) << report.said;
  EXPECT_EQ(report.exit_code, 0) << report.said;
}

void expect_unnoticed(const LoadReport& report) {
  expect_kept(report);
  EXPECT_EQ(report.failed, 0U) << report.said;
  EXPECT_EQ(report.omitted, 0U) << report.said;
  EXPECT_EQ(report.reconnects, 0U) << report.said;
}

void expect_only(const LoadReport& report, const std::vector<std::string>& codes) {
  expect_kept(report);
  EXPECT_EQ(report.reconnects, 0U) << report.said;
  for (const auto& error : report.errors) {
    EXPECT_THAT(codes, ::testing::Contains(error.code)) << error.phase << ' ' << error.reason;
  }
}

}  // namespace babilu::testing
