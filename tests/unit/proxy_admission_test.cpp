// Who may connect, and how much an address may ask.
#include <gtest/gtest.h>

#include <set>

#include "core/crypto/random.h"
#include "roles/proxy/admission.h"
#include "roles/proxy/method_costs.h"

namespace babilu::proxy {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::make_address;

constexpr Clock::time_point start{1h};

crypto::Random& generator() {
  return crypto::system_random();
}

TEST(Cidr, ContainsWhatBeginsAlike) {
  const auto contains = [](const char* network, const char* address) {
    return Cidr::parse(network)->contains(make_address(address));
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
  EXPECT_TRUE(contains("10.9.9.9/8", "10.0.0.1"));
  EXPECT_FALSE(contains("::/0", "192.0.2.7"));
  for (const char* bad :
       {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "::/129", "x/8", "10.0.0.0/-1"}) {
    EXPECT_FALSE(Cidr::parse(bad)) << bad;
  }
}

TEST(Cidr, AnIPv4RangeMayBeWrittenAsIPv6) {
  const auto same = [](const char* mapped, const char* network) {
    return *Cidr::parse(mapped) == *Cidr::parse(network);
  };
  EXPECT_TRUE(same("::ffff:10.0.0.0/104", "10.0.0.0/8"));
  EXPECT_TRUE(same("::ffff:0:0/96", "0.0.0.0/0"));
  EXPECT_TRUE(same("::ffff:192.0.2.7", "192.0.2.7/32"));
  EXPECT_TRUE(same("::ffff:192.0.2.7/128", "192.0.2.7"));
  for (const char* bad : {"::ffff:10.0.0.0/8", "::ffff:10.0.0.0/95", "::ffff:10.0.0.0/129"}) {
    const auto network = Cidr::parse(bad);
    ASSERT_FALSE(network) << bad;
    EXPECT_NE(network.error().find("::ffff:10.0.0.0"), std::string::npos) << network.error();
  }
  EXPECT_NE(Cidr::parse("::ffff:10.0.0.0/8").error().find("96 or more"), std::string::npos);
}

TEST(Cidr, WhatSharesAPlaceInATableCannotBeToldWithoutItsKey) {
  // Of a table with 64 places: those that share one under a key are anywhere under another.
  const SipKey one{1, 2};
  const SipKey other{1, 3};
  std::set<std::size_t> places;
  int together = 0;
  for (unsigned n = 0; n < 64 * 64; ++n) {
    const Cidr address(boost::asio::ip::make_address_v4(n), 32);
    if (address.hash(one) % 64 != 0) continue;
    ++together;
    places.insert(address.hash(other) % 64);
  }
  EXPECT_GT(together, 32);
  EXPECT_LT(together, 128);
  EXPECT_GT(places.size(), 20u);
  EXPECT_EQ(Cidr::parse("10.0.0.0/8")->hash(one), Cidr::parse("::ffff:10.0.0.0/104")->hash(one));
  EXPECT_NE(Cidr::parse("10.0.0.0/8")->hash(one), Cidr::parse("10.0.0.0/9")->hash(one));
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
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(bucket.take(start, 0)) << "0 is no limit";
}

TEST(Bucket, SaysWhenTheNextOneMayBeTaken) {
  for (const unsigned rate : {1u, 3u, 5u, 1000u, 999'999u}) {
    Bucket bucket;
    EXPECT_EQ(bucket.wait(start, rate), 0s);
    while (bucket.take(start, rate)) {
    }
    auto now = start;
    for (int i = 0; i < 10; ++i) {
      const Clock::duration wait = bucket.wait(now, rate);
      EXPECT_GT(wait, 0s) << rate;
      EXPECT_FALSE(bucket.take(now + wait - 1ns, rate)) << rate;
      now += wait;
      EXPECT_EQ(bucket.wait(now, rate), 0s) << rate;
      EXPECT_TRUE(bucket.take(now, rate)) << rate;
    }
    EXPECT_EQ(bucket.wait(now, 0), 0s) << "no limit any more";
  }
}

TEST(Bucket, WhatIsHeavierCountsAsSeveral) {
  Bucket bucket;
  EXPECT_TRUE(bucket.take(start, 10, 16));
  EXPECT_FALSE(bucket.take(start, 10, 16));
  EXPECT_EQ(bucket.wait(start, 10, 16), 1200ms);
  EXPECT_EQ(bucket.wait(start, 10), 0s);
  int taken = 0;
  while (bucket.take(start, 10)) ++taken;
  EXPECT_EQ(taken, 4) << "of 20";
  EXPECT_FALSE(bucket.take(start + 1599ms, 10, 16));
  EXPECT_TRUE(bucket.take(start + 1600ms, 10, 16));
}

TEST(Bucket, WhatCountsAsMoreThanItHoldsTakesAll) {
  Bucket bucket;
  EXPECT_TRUE(bucket.take(start, 5, 256));
  EXPECT_FALSE(bucket.take(start, 5));
  EXPECT_EQ(bucket.wait(start, 5, 256), 2s);
  EXPECT_FALSE(bucket.take(start + 1999ms, 5, 256));
  EXPECT_TRUE(bucket.take(start + 2s, 5, 256)) << "no method is impossible";
}

TEST(Bucket, WhatHasHappenedIsMadeUpFor) {
  Bucket bucket;
  EXPECT_EQ(bucket.charge(start, 100, 150), 0s);
  EXPECT_EQ(bucket.charge(start, 100, 49), 0s) << "one may be taken";
  EXPECT_EQ(bucket.charge(start, 100, 1), 10ms);
  EXPECT_EQ(bucket.charge(start, 100, 50), 510ms);
  EXPECT_FALSE(bucket.take(start + 509ms, 100));
  EXPECT_TRUE(bucket.take(start + 510ms, 100));
  EXPECT_EQ(bucket.charge(start + 510ms, 100, 1'000'000), 2010ms) << "no debt is for ever";
  EXPECT_FALSE(bucket.full(start + 4509ms));
  EXPECT_TRUE(bucket.full(start + 4510ms));
  EXPECT_EQ(bucket.charge(start, 0, 1'000'000), 0s) << "0 is no limit";
}

TEST(MethodCosts, TheHighestCountsAndWhatNobodySpeaksOfIsOne) {
  MethodCosts costs;
  EXPECT_EQ(costs.of(0x0101), 1u);
  costs.add({{0x0101, 3}, {0xffff, 256}, {0x0102, 0}, {0x0103, 1'000'000}});
  costs.add({{0x0101, 2}});
  EXPECT_EQ(costs.of(0x0101), 3u);
  EXPECT_EQ(costs.of(0xffff), 256u);
  EXPECT_EQ(costs.of(0x0102), 1u);
  EXPECT_EQ(costs.of(0x0103), MethodCosts::most);
  costs.clear();
  EXPECT_EQ(costs.of(0x0101), 1u);
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
  Admission admission(small(), generator());
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
  Admission admission(small(), generator());
  const auto one = admission.admit(make_address("10.1.2.3"), start);
  EXPECT_EQ(reason(admission.admit(make_address("10.1.2.3"), start)),
            "too_many_sessions_of_address");
  const auto two = admission.admit(make_address("10.2.2.3"), start);
  EXPECT_EQ(reason(admission.admit(make_address("10.2.2.3"), start)), "admitted");
}

TEST(Admission, OneCustomersHalfOfAnAddressIsOne) {
  Admission admission(small(), generator());
  const auto one = admission.admit(make_address("2001:db8::1"), start);
  const auto two = admission.admit(make_address("2001:db8::2"), start);
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8::3"), start)),
            "too_many_sessions_of_address");
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8:0:1::3"), start)), "admitted");
}

TEST(Admission, BoundsTheRateOfRequests) {
  Admission admission(small(), generator());
  auto ticket = admission.admit(make_address("192.0.2.1"), start);
  int taken = 0;
  while (ticket->take_request(start)) ++taken;
  EXPECT_EQ(taken, 6);
  EXPECT_EQ(ticket->too_many_requests(start).reason, "too_many_requests");
  EXPECT_TRUE(ticket->take_request(start + 1s));
  auto free = admission.admit(make_address("127.0.0.1"), start);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(free->take_request(start));

  AdmissionOptions generous = small();
  generous.each.requests_per_second = 1'000'000;
  admission.set_options(generous);
  ticket->take_up_limits();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(ticket->take_request(start + 2s));
}

TEST(Admission, WhoAsksAgainAfterTheTimeThatItWasToldIsLetThrough) {
  for (const unsigned rate : {1u, 5u, 7u, 5000u}) {
    AdmissionOptions options = small();
    options.each.requests_per_second = rate;
    Admission admission(options, generator());
    auto ticket = admission.admit(make_address("192.0.2.1"), start);
    auto now = start;
    for (int refused = 0; refused < 20; ++refused) {
      while (ticket->take_request(now)) {
      }
      const auto wait = ticket->too_many_requests(now).retry_after;
      EXPECT_GE(wait, 10ms) << "and does not come back each millisecond";
      EXPECT_LE(wait, 1s);
      now += wait;
      EXPECT_TRUE(ticket->take_request(now)) << rate;
    }
  }
}

TEST(Admission, ZeroIsNoLimit) {
  AdmissionOptions options = small();
  options.sessions = 1000;
  options.each = {.sessions = 0, .handshakes_per_second = 0, .requests_per_second = 0};
  options.overrides.push_back(*AdmissionOptions::parse_override(
      "10.2.0.0/16 sessions=0 handshakes=0 requests=0", small().each));
  Admission admission(options, generator());
  for (const char* address : {"192.0.2.1", "10.2.0.1"}) {
    std::vector<Admission::Ticket> tickets;
    for (int i = 0; i < 300; ++i) {
      auto ticket = admission.admit(make_address(address), start);
      ASSERT_EQ(reason(ticket), "admitted") << address;
      tickets.push_back(std::move(*ticket));
    }
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(tickets.front().take_request(start));
  }
}

TEST(Admission, BoundsTheHandshakesOfAllAddressesTogether) {
  AdmissionOptions options = small();
  options.sessions = 1000;
  options.total_handshakes_per_second = 5;
  options.each.handshakes_per_second = 2;
  Admission admission(options, generator());
  const auto home = make_address("127.0.0.1"), one = make_address("192.0.2.1");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(reason(admission.admit(one, start)), "admitted");
  // Over its own limit it takes nothing of what is left for the others.
  for (int i = 0; i < 9; ++i) EXPECT_EQ(reason(admission.admit(one, start)), "too_many_handshakes");
  EXPECT_EQ(reason(admission.admit(make_address("192.0.2.2"), start)), "admitted");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reason(admission.admit(home, start)), "admitted");
  EXPECT_EQ(reason(admission.admit(home, start)), "too_many_handshakes_in_all");
  EXPECT_EQ(reason(admission.admit(make_address("192.0.2.3"), start)),
            "too_many_handshakes_in_all");
  EXPECT_EQ(reason(admission.admit(home, start + 200ms)), "admitted");
  EXPECT_EQ(reason(admission.admit(home, start + 200ms)), "too_many_handshakes_in_all");
  EXPECT_EQ(admission.sessions(), 0u);

  options.total_handshakes_per_second = 0;
  admission.set_options(options);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(reason(admission.admit(home, start)), "admitted");
}

TEST(Admission, AnExemptSessionIsCountedWhenItIsSoNoMore) {
  AdmissionOptions exempt = small(), limited = small();
  limited.exempt.clear();
  Admission admission(exempt, generator());
  const auto home = make_address("127.0.0.1");
  auto one = admission.admit(home, start), two = admission.admit(home, start);
  auto three = admission.admit(home, start);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(one->take_request(start));

  const auto apply = [&](const AdmissionOptions& options) {
    admission.set_options(options);
    for (auto* ticket : {&one, &two, &three}) (*ticket)->take_up_limits();
  };
  apply(limited);
  EXPECT_EQ(reason(admission.admit(home, start)), "too_many_sessions_of_address");
  int taken = 0;
  while (one->take_request(start)) ++taken;
  EXPECT_EQ(taken, 6);
  EXPECT_FALSE(two->take_request(start)) << "one rate for the address";

  apply(exempt);
  EXPECT_EQ(reason(admission.admit(home, start)), "admitted");
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(one->take_request(start));

  apply(limited);
  {
    const Admission::Ticket ended = std::move(*three);
  }
  EXPECT_EQ(reason(admission.admit(home, start)), "too_many_sessions_of_address");
  {
    const Admission::Ticket ended = std::move(*two);
  }
  EXPECT_EQ(reason(admission.admit(home, start)), "admitted");
}

TEST(Admission, AnEntryWithinACustomersHalfTouchesNobodyElse) {
  AdmissionOptions options = small();
  options.overrides.push_back(
      *AdmissionOptions::parse_override("2001:db8::8:0/112 sessions=1", options.each));
  options.exempt.push_back(*Cidr::parse("2001:db8::9"));
  Admission admission(options, generator());
  const auto one = admission.admit(make_address("2001:db8::8:1"), start);
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8::8:2"), start)),
            "too_many_sessions_of_address")
      << "the network of the entry is one";
  const auto other = admission.admit(make_address("2001:db8::1"), start);
  const auto another = admission.admit(make_address("2001:db8::2"), start);
  EXPECT_EQ(reason(another), "admitted");
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8::3"), start)),
            "too_many_sessions_of_address");
  const auto free = admission.admit(make_address("2001:db8::9"), start);
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8::9"), start)), "admitted");
}

TEST(Admission, ASessionMovesWhenItsAddressIsCountedOtherwise) {
  Admission admission(small(), generator());
  auto here = admission.admit(make_address("2001:db8::8:1"), start);
  auto there = admission.admit(make_address("2001:db8::1"), start);
  EXPECT_EQ(admission.addresses(), 1u);
  AdmissionOptions options = small();
  options.overrides.push_back(
      *AdmissionOptions::parse_override("2001:db8::8:0/112 sessions=1", options.each));
  admission.set_options(options);
  EXPECT_EQ(here->take_up_limits().sessions, 1u);
  EXPECT_EQ(there->take_up_limits().sessions, 2u);
  EXPECT_EQ(admission.addresses(), 2u);
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8::8:2"), start)),
            "too_many_sessions_of_address");
  EXPECT_EQ(reason(admission.admit(make_address("2001:db8::2"), start)), "admitted");
  EXPECT_EQ(admission.sessions(), 2u);
}

boost::asio::ip::address numbered(unsigned n) {
  return boost::asio::ip::make_address_v4(0xC6120000U + n);
}

TEST(Admission, RemembersABoundedNumberOfAddresses) {
  AdmissionOptions options = small();
  options.sessions = 1000;
  options.resting_addresses = 10;
  Admission admission(options, generator());
  for (unsigned n = 0; n < 10; ++n)
    EXPECT_EQ(reason(admission.admit(numbered(n), start)), "admitted");
  EXPECT_EQ(admission.addresses(), 10u);
  // What they did just now matters still: nobody is forgotten, and nobody new is remembered.
  EXPECT_EQ(reason(admission.admit(numbered(10), start)), "too_many_addresses");
  const auto known = admission.admit(numbered(3), start);
  EXPECT_EQ(reason(known), "admitted");
  EXPECT_EQ(admission.sessions(), 1u);
  EXPECT_EQ(admission.addresses(), 10u);

  // A handshake of a hundred a second is forgotten after ten milliseconds, the session is not.
  std::vector<Admission::Ticket> tickets;
  for (unsigned n = 0; n < 100; ++n) {
    auto ticket = admission.admit(numbered(100 + n), start + 11ms);
    ASSERT_EQ(reason(ticket), "admitted") << n;
    tickets.push_back(std::move(*ticket));
  }
  EXPECT_EQ(admission.addresses(), 101u) << "those with sessions alone";
  tickets.clear();
  EXPECT_EQ(admission.addresses(), 101u);
  for (int n = 0; n < 60; ++n)
    EXPECT_EQ(reason(admission.admit(numbered(3), start + 1s)), "admitted");
  EXPECT_EQ(admission.addresses(), 1u);
}

TEST(Admission, AnAddressOverItsRateIsNotForgotten) {
  AdmissionOptions options = small();
  options.each.handshakes_per_second = 1;
  Admission admission(options, generator());
  EXPECT_EQ(reason(admission.admit(numbered(1), start)), "admitted");
  EXPECT_EQ(reason(admission.admit(numbered(1), start)), "admitted");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(reason(admission.admit(numbered(1), start + 999ms)), "too_many_handshakes");
  }
  EXPECT_EQ(reason(admission.admit(numbered(1), start + 1s)), "admitted");
}

TEST(Admission, SaysWhatAnOverrideLooksLike) {
  EXPECT_TRUE(AdmissionOptions::parse_override("10.0.0.0/8 requests=0", {}));
  const auto all =
      *AdmissionOptions::parse_override("10.0.0.0/8  sessions=1 handshakes=2 requests=3 ", {});
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
