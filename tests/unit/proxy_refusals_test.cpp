// Refusals are counted by reasons of a fixed set.
#include <gtest/gtest.h>

#include <map>

#include "core/crypto/random.h"
#include "roles/proxy/admission.h"
#include "roles/proxy/refusals.h"

namespace babilu::proxy {
namespace {

std::map<std::string, std::uint64_t> counts(const Refusals& refusals) {
  std::map<std::string, std::uint64_t> all;
  refusals.each([&](const std::string& reason, std::uint64_t count) { all[reason] = count; });
  return all;
}

TEST(Refusals, AreCountedByReason) {
  telemetry::Metrics metrics;
  Refusals requests = refused_requests(metrics);
  const auto before = counts(requests);
  EXPECT_EQ(before.at("too_many_requests"), 0u) << "there from the start";
  requests.count("too_many_requests");
  requests.count("no_backend");
  requests.count("no_backend");
  EXPECT_EQ(counts(requests).at("too_many_requests"), 1u);
  EXPECT_EQ(counts(requests).at("no_backend"), 2u);
  EXPECT_EQ(metrics
                .counter("babilu_proxy_requests_refused_total",
                         "Requests that the proxy itself answered with an error",
                         {{"reason", "no_backend"}})
                .value(),
            2u);
}

TEST(Refusals, WhateverElseIsOther) {
  telemetry::Metrics metrics;
  Refusals requests = refused_requests(metrics);
  const std::size_t reasons = counts(requests).size();
  for (int i = 0; i < 100; ++i) requests.count("reason-" + std::to_string(i));
  requests.count("");
  EXPECT_EQ(counts(requests).at("other"), 101u);
  EXPECT_EQ(counts(requests).size(), reasons);
}

TEST(Refusals, EveryReasonOfTheAdmissionIsOneOfThem) {
  using boost::asio::ip::make_address;
  telemetry::Metrics metrics;
  Refusals sessions = refused_sessions(metrics);
  const auto refuse = [&](AdmissionOptions options, const char* first, const char* second) {
    Admission admission(std::move(options), crypto::system_random());
    const auto one = admission.admit(make_address(first), {});
    const auto two = admission.admit(make_address(second), {});
    const auto three = admission.admit(make_address(second), {});
    ASSERT_FALSE(three);
    sessions.count(three.error().reason);
  };
  const char *a = "192.0.2.1", *b = "192.0.2.2";
  refuse({.sessions = 1}, a, b);
  refuse({.each = {.sessions = 1}}, a, b);
  refuse({.each = {.handshakes_per_second = 1}}, b, b);
  refuse({.total_handshakes_per_second = 1}, a, b);
  refuse({.resting_addresses = 0}, a, b);
  for (const auto& [reason, count] : counts(sessions)) {
    // What waits for a balancer's header has not come as far as the admission.
    const bool from_elsewhere = reason == "other" || reason == "too_many_without_header";
    EXPECT_EQ(count, from_elsewhere ? 0u : 1u) << reason;
  }
}

}  // namespace
}  // namespace babilu::proxy
