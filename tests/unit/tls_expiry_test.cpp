// What a process says of its own certificate before and after its end.
#include "core/tls/expiry.h"

#include <gtest/gtest.h>

#include "core/crypto/random.h"
#include "core/sim/world.h"
#include "core/telemetry/log_sink.h"
#include "tests/unit/tls_support.h"

namespace babilu::tls {
namespace {

using namespace std::chrono_literals;
using namespace testing;

/// A certificate that ends so long after the time that is told to the watch.
struct Site {
  explicit Site(const ContextPtr& context)
      : log(log_options()), watch(lifecycle, metrics, log, context, [this] { return now; }) {
    lifecycle.advance(Phase::ready);
  }
  telemetry::LogOptions log_options() {
    telemetry::LogOptions options;
    options.sinks = {
        telemetry::callback_sink([this](telemetry::LogLevel level, std::string_view line) {
          levels.push_back(level);
          lines.emplace_back(line);
        })};
    return options;
  }
  std::string details() const {
    std::string all;
    for (const auto& [name, failure, warning] : lifecycle.run_checks()) {
      all += failure ? "-" + *failure : warning ? "!" + *warning : "+" + name;
    }
    return all;
  }
  double metric() const {
    for (const auto& family : metrics.snapshot()) {
      if (family.name == "babilu_certificate_expiry_timestamp_seconds") {
        return family.series.at(0).value;
      }
    }
    return -1;
  }

  std::chrono::system_clock::time_point now = today();
  Lifecycle lifecycle;
  telemetry::Metrics metrics;
  std::vector<telemetry::LogLevel> levels;
  std::vector<std::string> lines;
  telemetry::Log log;
  ExpiryWatch watch;
};

Issued authority_for(std::chrono::hours time) {
  return issue_authority("an authority", {today() - 24h, today() + time}, crypto::system_random());
}

ContextPtr certificate_of(const Issued& authority, std::chrono::hours time) {
  return make_context({.names = proxy_names(),
                       .issuer = &authority,
                       .trusts = &authority,
                       .validity = {today() - 24h, today() + time}});
}

ContextPtr certificate_for(std::chrono::hours time) {
  static const Issued lasting = authority_for(1000 * 24h);
  return certificate_of(lasting, time);
}

bool says(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

TEST(TlsExpiry, IsToldFromTwoWeeksBefore) {
  Site site(certificate_for(20 * 24h));
  site.watch.look();
  EXPECT_EQ(site.details(), "+certificate");
  EXPECT_TRUE(site.lines.empty());

  site.now += 6 * 24h + 1min;
  EXPECT_TRUE(says(site.details(), "+certificate!it, or its authority's, expires at"))
      << site.details();
  EXPECT_TRUE(site.lifecycle.ready());
  site.watch.look();
  ASSERT_EQ(site.lines.size(), 1u);
  EXPECT_EQ(site.levels[0], telemetry::LogLevel::warn);
  EXPECT_TRUE(says(site.lines[0], "expires at")) << site.lines[0];
  site.now += 23h;
  site.watch.look();
  EXPECT_EQ(site.lines.size(), 1u) << "once a day";
  site.now += 1h;
  site.watch.look();
  EXPECT_EQ(site.lines.size(), 2u);
}

TEST(TlsExpiry, AnExpiredOneIsNotReady) {
  Site site(certificate_for(1h));
  site.watch.look();
  site.now += 1h;
  EXPECT_FALSE(site.lifecycle.ready());
  EXPECT_TRUE(says(site.details(), "-it, or its authority's, expired at")) << site.details();
  site.watch.look();
  ASSERT_EQ(site.lines.size(), 2u) << "said at once, though the other was said just now";
  EXPECT_EQ(site.levels[1], telemetry::LogLevel::error);

  site.watch.use(certificate_for(100 * 24h));
  EXPECT_TRUE(site.lifecycle.ready()) << "after a reload";
  EXPECT_EQ(site.details(), "+certificate");
  EXPECT_EQ(site.lines.size(), 2u);
  site.watch.use(certificate_for(2 * 24h));
  EXPECT_EQ(site.lines.size(), 3u) << "a new one that is old";
}

TEST(TlsExpiry, EndsWithItsAuthority) {
  const Issued authority = authority_for(2 * 24h);
  Site site(certificate_of(authority, 100 * 24h));
  site.watch.look();
  EXPECT_EQ(site.lines.size(), 1u);
  EXPECT_TRUE(says(site.details(), "!it, or its authority's, expires at")) << site.details();
  site.now += 49h;
  EXPECT_FALSE(site.lifecycle.ready());

  Site of_another(make_context({.names = proxy_names(),
                                .issuer = &authority,
                                .trusts = &other_authority(),
                                .validity = {today() - 24h, today() + 100 * 24h}}));
  EXPECT_EQ(of_another.details(), "+certificate") << "it is not known when that one ends";
}

TEST(TlsExpiry, IsAMetric) {
  const ContextPtr context = certificate_for(20 * 24h);
  const Site site(context);
  const auto end = context->valid_until().time_since_epoch();
  EXPECT_EQ(site.metric(), std::chrono::duration<double>(end).count());
}

TEST(TlsExpiry, ThereIsNoneWithoutACertificate) {
  for (const ContextPtr& context : {ContextPtr(), make_context({})}) {
    Site site(context);
    site.watch.look();
    EXPECT_EQ(site.details(), "");
    EXPECT_EQ(site.metric(), -1);
    EXPECT_TRUE(site.lines.empty());
  }
}

task<> wait_until_told(sim::World& world, Site& site) {
  const ExpiryWatch::Reminder reminder(world.runtime(), site.watch);
  EXPECT_TRUE(site.lines.empty());
  site.now += 15 * 24h;
  co_await world.runtime().sleep_for(61min);
  EXPECT_EQ(site.lines.size(), 1u);
}

TEST(TlsExpiry, IsLookedAtNowAndThen) {
  Site site(certificate_for(20 * 24h));
  sim::World world(1);
  world.run(wait_until_told(world, site));
}

}  // namespace
}  // namespace babilu::tls
