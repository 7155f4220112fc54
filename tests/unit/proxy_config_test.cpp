// What the proxy's options mean: each arrives where it works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "roles/proxy/config.h"

namespace babilu::proxy {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using ::testing::HasSubstr;

struct Read {
  explicit Read(const std::vector<std::string>& arguments) {
    bind(schema, config);
    result = schema.load(arguments, {});
  }
  config::Schema schema{"babilu proxy"};
  ProxyConfig config;
  config::Result result;
};

TEST(ProxyConfig, EachOptionArrivesAtTheLoops) {
  const Read read({"--backends", "127.0.0.1:1,127.0.0.1:2 weight=3", "--drain-timeout", "11s",
                   "--wait-for-backend", "12s", "--balancers", "10.0.0.0/8",
                   "--limits-handshake-timeout", "13s", "--limits-frame-timeout", "14s",
                   "--limits-idle-timeout", "15s", "--limits-streams", "16", "--limits-frame",
                   "17KiB"});
  const ProxyOptions options = options_of(read.config);
  ASSERT_EQ(options.backends.size(), 2u);
  EXPECT_EQ(options.backends[0].name, "127.0.0.1:1");
  EXPECT_EQ(options.backends[0].weight, 1);
  EXPECT_EQ(options.backends[1].name, "127.0.0.1:2");
  EXPECT_EQ(options.backends[1].weight, 3);
  EXPECT_EQ(options.drain_timeout, 11s);
  EXPECT_EQ(options.relay.wait_for_backend, 12s);
  EXPECT_EQ(options.balancers, std::vector<Cidr>{*Cidr::parse("10.0.0.0/8")});
  EXPECT_EQ(options.handshake_timeout, 13s);
  EXPECT_EQ(options.session.frame_timeout, 14s);
  EXPECT_EQ(options.session.idle_timeout, 15s);
  EXPECT_EQ(options.session.limits.streams, 16u);
  EXPECT_EQ(options.session.limits.frame, 17u * 1024);
  // A frame of a client must fit into one to a backend; the links keep the protocol's own limit.
  EXPECT_EQ(options.link.connection.limits.frame, wire::default_frame_limit);
  EXPECT_EQ(options.link.connection.idle_timeout, 0s);
  // A backend that has vanished is noticed before a request has waited too long.
  EXPECT_LE(options.link.connection.ping_after + options.link.connection.ping_timeout, 5s);
}

TEST(ProxyConfig, EachLimitArrivesAtTheDoor) {
  const Read read({"--limits-sessions", "21", "--limits-sessions-per-address", "22",
                   "--limits-total-handshakes-per-second", "23", "--limits-handshakes-per-second",
                   "24", "--limits-requests-per-second", "25", "--limits-overrides",
                   "10.0.0.0/8 sessions=5", "--limits-exempt", "192.0.2.0/24"});
  const AdmissionOptions options = admission_of(read.config);
  EXPECT_EQ(options.sessions, 21u);
  EXPECT_EQ(options.total_handshakes_per_second, 23u);
  EXPECT_EQ(options.each, (AddressLimits{22, 24, 25}));
  EXPECT_EQ(options.share_of(make_address("10.0.0.1")).limits, (AddressLimits{5, 24, 25}));
  EXPECT_EQ(options.share_of(make_address("192.0.2.1")).limits, (AddressLimits{0, 0, 0}));
  EXPECT_EQ(options.share_of(make_address("127.0.0.1")).limits, options.each)
      << "loopback is exempt by default only";
}

TEST(ProxyConfig, LoopbackIsExemptByDefault) {
  const AdmissionOptions options = admission_of(ProxyConfig());
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1"}) {
    EXPECT_EQ(options.share_of(make_address(address)).limits, (AddressLimits{0, 0, 0})) << address;
  }
  EXPECT_EQ(options.share_of(make_address("192.0.2.1")).limits, options.each);
}

/// Lets this process have so many files open, for as long as it lives.
struct OpenFiles {
  explicit OpenFiles(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit now{std::min(most, before.rlim_max), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~OpenFiles() { ::setrlimit(RLIMIT_NOFILE, &before); }
  rlimit before{};
};

TEST(ProxyConfig, SessionsLeaveFilesForTheRest) {
  const OpenFiles limited(200);
  ProxyConfig config;
  config.backends = {"127.0.0.1:1", "127.0.0.1:2"};
  config.sessions = 15'000;
  const unsigned with_two = admission_of(config).sessions;
  EXPECT_LT(with_two, 190u);
  EXPECT_GT(with_two, 100u);
  config.backends.push_back("127.0.0.1:3");
  EXPECT_EQ(admission_of(config).sessions, with_two - 1) << "each link needs one";
  config.node.threads = 4;
  EXPECT_EQ(admission_of(config).sessions, with_two - 1 - 3 * 6) << "of each event loop";
  config.node.threads = 1000;
  EXPECT_EQ(admission_of(config).sessions, 1u) << "never none at all, and never a wrapped number";
  config.node.threads = 1;
  config.sessions = 50;
  EXPECT_EQ(admission_of(config).sessions, 50u);
}

TEST(ProxyConfig, NoAddressHasAllSessionsThatFit) {
  ProxyConfig config;
  config.overrides = {"10.0.0.0/8 sessions=5000", "10.1.0.0/16 requests=1"};
  const auto sessions_of = [&](const char* address) {
    return admission_of(config).share_of(make_address(address)).limits.sessions;
  };
  {
    const OpenFiles limited(1024);  // what most systems let a process have
    const unsigned all = admission_of(config).sessions;
    EXPECT_LT(all, config.each_address.sessions);
    EXPECT_EQ(sessions_of("192.0.2.1"), all / 2);
    EXPECT_EQ(sessions_of("10.1.0.1"), all / 2);
    EXPECT_EQ(sessions_of("10.0.0.1"), 5000u) << "that is as it was said";
    config.each_address.sessions = 0;
    EXPECT_EQ(sessions_of("192.0.2.1"), 0u) << "no limit is none";
    config.each_address.sessions = 10;
    EXPECT_EQ(sessions_of("192.0.2.1"), 10u);
  }
  config.sessions = 20;
  config.each_address.sessions = 30;
  EXPECT_EQ(sessions_of("192.0.2.1"), 30u) << "all fit";
}

TEST(ProxyConfig, SomeOptionsNeedARestartAndTheOthersDoNot) {
  const ProxyConfig running;
  const auto needs = [&](void (*change)(ProxyConfig&)) {
    ProxyConfig config = running;
    change(config);
    return needs_restart(running, config);
  };
  EXPECT_FALSE(needs([](ProxyConfig&) {}));
  EXPECT_TRUE(needs([](ProxyConfig& c) { c.listen = "127.0.0.1:1"; }));
  EXPECT_TRUE(needs([](ProxyConfig& c) { c.node.admin_listen = "127.0.0.1:1"; }));
  EXPECT_TRUE(needs([](ProxyConfig& c) { c.node.threads = 2; }));
  EXPECT_TRUE(needs([](ProxyConfig& c) { c.plaintext_sessions = true; }));
  EXPECT_TRUE(needs([](ProxyConfig& c) { c.plaintext_links = true; }));
  EXPECT_FALSE(needs([](ProxyConfig& c) {
    c.backends = {"127.0.0.1:1"};
    c.certificates = "elsewhere";
    c.drain_timeout = c.handshake_timeout = c.frame_timeout = c.idle_timeout = 1ms;
    c.wait_for_backend = 1ms;
    c.frame_limit.bytes = 2048;
    c.streams = c.access_one_of = c.sessions = c.total_handshakes = 1;
    c.each_address = {1, 1, 1};
    c.overrides = c.exempt = c.balancers = {};
  }));
}

TEST(ProxyConfig, PlaintextIsForLoopbackOnly) {
  EXPECT_TRUE(Read({"--plaintext-sessions", "--listen", "127.0.0.1:1"}).result.loaded());
  EXPECT_TRUE(Read({"--plaintext-links", "--backends", "127.0.0.1:1,[::1]:2"}).result.loaded());
  EXPECT_TRUE(Read({"--listen", "0.0.0.0:1", "--backends", "192.0.2.1:1"}).result.loaded());
  const Read open({"--plaintext-sessions", "--listen", "0.0.0.0:1"});
  ASSERT_FALSE(open.result.loaded());
  EXPECT_THAT(open.result.error_text(), HasSubstr("plaintext.sessions"));
  const Read away({"--plaintext-links", "--backends", "127.0.0.1:1,192.0.2.1:1"});
  ASSERT_FALSE(away.result.loaded());
  EXPECT_THAT(away.result.error_text(), HasSubstr("192.0.2.1:1"));
}

TEST(ProxyConfig, WhatMakesNoSenseIsRefused) {
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"--backends", "127.0.0.1"},
                                             {"--backends", "127.0.0.1:1 weight=0"},
                                             {"--backends", "256.0.0.1:7401"},
                                             {"--backends", "exa mple:7401 weight=2"},
                                             {"--backends", "127.0.0.1:1,1.2.3:7401"},
                                             {"--balancers", "10.0.0.0/33"},
                                             {"--limits-overrides", "10.0.0.0/8"},
                                             {"--limits-overrides", "10.0.0.0/8 sessions=10000001"},
                                             {"--limits-exempt", "x"},
                                             {"--limits-streams", "0"},
                                             {"--limits-sessions", "0"},
                                             {"--limits-frame", "1023"},
                                             {"--limits-frame", "257KiB"}}) {
    EXPECT_FALSE(Read(wrong).result.loaded()) << wrong[0] << ' ' << wrong[1];
  }
}

}  // namespace
}  // namespace babilu::proxy
