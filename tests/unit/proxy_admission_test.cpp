// Who may connect, and how much an address may ask.
#include <gtest/gtest.h>

#include "roles/proxy/admission.h"

namespace babilu::proxy {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::make_address;

constexpr Clock::time_point start{1h};

TEST(Cidr, ContainsWhatBeginsAlike) {
  const auto contains = [](const char* network, const char* address) {
    return Cidr::parse(network).value().contains(make_address(address));
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.100"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("127.0.0.0/8", "::ffff:127.0.0.1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  for (const char* bad :
       {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "::/129", "x/8", "10.0.0.0/-1"}) {
    EXPECT_FALSE(Cidr::parse(bad)) << bad;
  }
}

TEST(Bucket, LetsSoManyThroughAndTwiceAsManyAtOnce) {
  Bucket bucket;
  int taken = 0;
  while (bucket.take(start, 10)) ++taken;
  EXPECT_EQ(taken, 20);
  EXPECT_FALSE(bucket.full(start + 1999ms));
  EXPECT_TRUE(bucket.full(start + 2s));
  EXPECT_TRUE(bucket.take(start + 100ms, 10));
  EXPECT_FALSE(bucket.take(start + 100ms, 10));
  EXPECT_FALSE(bucket.take(start + 10s, 0));
}

AdmissionOptions small() {
  AdmissionOptions options{
      .sessions = 5,
      .each = {.sessions = 2, .handshakes_per_second = 100, .requests_per_second = 3},
      .overrides = {},
      .exempt = {*Cidr::parse("127.0.0.0/8")}};
  options.overrides.push_back(
      *AdmissionOptions::parse_override("10.0.0.0/8 sessions=4", options.each));
  options.overrides.push_back(
      *AdmissionOptions::parse_override("10.1.0.0/16 sessions=1", options.each));
  return options;
}

std::string reason(const boost::system::result<Admission::Ticket, rpc::Status>& outcome) {
  return outcome ? "admitted" : outcome.error().reason;
}

TEST(Admission, CountsSessionsOfAnAddressAndOfAll) {
  Admission admission(small());
  const auto address = make_address("192.0.2.1");
  {
    const auto first = admission.admit(address, start);
    const auto second = admission.admit(address, start);
    EXPECT_EQ(reason(second), "admitted");
    EXPECT_EQ(reason(admission.admit(address, start)), "too_many_sessions_of_address");
    const auto home = admission.admit(make_address("127.0.0.1"), start);
    const auto again = admission.admit(make_address("127.0.0.1"), start);
    const auto third = admission.admit(make_address("127.0.0.1"), start);
    EXPECT_EQ(admission.sessions(), 5u);
    EXPECT_EQ(reason(admission.admit(make_address("192.0.2.2"), start)), "too_many_sessions");
  }
  EXPECT_EQ(admission.sessions(), 0u);
  EXPECT_EQ(reason(admission.admit(address, start)), "admitted");
}

TEST(Admission, TheLongestPrefixCounts) {
  Admission admission(small());
  const auto one = admission.admit(make_address("10.1.2.3"), start);
  EXPECT_EQ(reason(admission.admit(make_address("10.1.2.3"), start)),
            "too_many_sessions_of_address");
  const auto two = admission.admit(make_address("10.2.2.3"), start);
  EXPECT_EQ(reason(admission.admit(make_address("10.2.2.3"), start)), "admitted");
}

TEST(Admission, OneCustomersHalfOfAnAddressIsOne) {
  Admission admission(small());
  const auto one = admission.admit(make_address("2001:db8::1"), start);
  const auto two = admission.admit(make_address("2001:db8::2"), start);
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8::3"), start)),
            "too_many_sessions_of_address");
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8:0:1::3"), start)), "admitted");
}

TEST(Admission, BoundsTheRateOfRequests) {
  Admission admission(small());
  auto ticket = admission.admit(make_address("192.0.2.1"), start);
  int taken = 0;
  while (!ticket->take_request(start)) ++taken;
  EXPECT_EQ(taken, 6);
  EXPECT_EQ(ticket->take_request(start)->reason, "too_many_requests");
  EXPECT_FALSE(ticket->take_request(start + 1s));
  auto free = admission.admit(make_address("127.0.0.1"), start);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(free->take_request(start));

  AdmissionOptions generous = small();
  generous.each.requests_per_second = 1'000'000;
  admission.set_options(generous);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(ticket->take_request(start + 2s));
}

TEST(Admission, SaysWhatAnOverrideLooksLike) {
  EXPECT_TRUE(AdmissionOptions::parse_override("10.0.0.0/8 requests=0", {}));
  const auto all =
      AdmissionOptions::parse_override("10.0.0.0/8  sessions=1 handshakes=2 requests=3 ", {})
          .value();
  EXPECT_EQ(all.limits.sessions, 1u);
  EXPECT_EQ(all.limits.handshakes_per_second, 2u);
  EXPECT_EQ(all.limits.requests_per_second, 3u);
  for (const char* bad : {"", "10.0.0.0/8", "10.0.0.0/8 sessions", "10.0.0.0/8 sessions=x",
                          "10.0.0.0/8 sesions=1", "ten sessions=1"}) {
    EXPECT_FALSE(AdmissionOptions::parse_override(bad, {})) << bad;
  }
}

}  // namespace
}  // namespace babilu::proxy
