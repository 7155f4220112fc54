// How load is made and measured, on a virtual clock.
#include <gtest/gtest.h>

#include "bots_fake_stack.h"
#include "tests/support/status.h"
#include "tools/bots/probes.h"
#include "tools/bots/scenario.h"

namespace babilu::bots {
namespace {

using namespace std::chrono_literals;

std::uint64_t nanoseconds(Clock::duration time) {
  return static_cast<std::uint64_t>(time.count());
}

/// Stalls from the third to the fifth second of the world; the load begins in its first.
FakeStack& stalling(FakeStack& stack) {
  stack.stall_from = Clock::time_point(3s);
  stack.stall_to = Clock::time_point(5s);
  return stack;
}

TEST(BotsLoad, OpenLoopShowsAStallInEveryRequestThatItHeldUp) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::echo, 1);
  config.duration = 10s;
  config.rate = 100;
  config.in_flight = 1000;
  const Report report = run_against(stalling(stack), config);
  const telemetry::LatencyHistogram latency = report.latency();
  EXPECT_EQ(report.requests(), 1000u);
  EXPECT_EQ(report.failed(), 0u);
  EXPECT_EQ(report.omitted, 0u);
  // 200 requests were due in the stall: they waited from 2 s down to nothing.
  const std::uint64_t slower_than_1s = latency.count() - latency.count_up_to(nanoseconds(1s));
  EXPECT_NEAR(static_cast<double>(slower_than_1s), 100, 3);
  EXPECT_NEAR(static_cast<double>(latency.quantile(0.9)), 1e9, 0.05e9);
  EXPECT_NEAR(static_cast<double>(latency.max()), 2e9, 0.05e9);
  EXPECT_LT(latency.quantile(0.75), nanoseconds(5ms));
}

TEST(BotsLoad, OpenLoopKeepsToARateThatIsAlmostZero) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::echo, 1);
  config.duration = 10s;
  config.rate = 1e-10;  // the second request is due in 317 years
  EXPECT_EQ(run_against(stack, config).requests(), 1u);
}

TEST(BotsLoad, ClosedLoopShowsAStallOnce) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::echo, 1);
  config.duration = 10s;
  const Report report = run_against(stalling(stack), config);
  const telemetry::LatencyHistogram latency = report.latency();
  EXPECT_EQ(latency.count() - latency.count_up_to(nanoseconds(1s)), 1u);
  EXPECT_GT(latency.count(), 1000u);
}

TEST(BotsLoad, OpenLoopCountsWhatItDidNotSend) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::echo, 1);
  config.duration = 10s;
  config.rate = 100;
  config.in_flight = 50;
  const Report report = run_against(stalling(stack), config);
  EXPECT_NEAR(static_cast<double>(report.omitted), 150, 2);
  EXPECT_EQ(report.requests() + report.omitted, 1000u);
  EXPECT_NE(format_table(report).find("due and not sent"), std::string::npos);
  config.strict = true;
  Report strict = report;
  strict.config = config;
  EXPECT_EQ(exit_code(report), 0);
  EXPECT_EQ(exit_code(strict), 1);
}

TEST(BotsLoad, MeasuresTheTimeThatItTook) {
  FakeStack stack;
  stack.work = 1500ms;
  BotsConfig config = test_config(Scenario::echo, 1);
  config.duration = 2s;
  const Report report = run_against(stack, config);
  // The second request leaves before the end and is answered a second after it.
  EXPECT_EQ(report.requests(), 2u);
  EXPECT_NEAR(report.load_seconds, 3.0, 0.01);
  EXPECT_NEAR(report.throughput(), 2 / 3.0, 0.01);
}

TEST(BotsLoad, KeepsTheSetUpOutOfTheFigures) {
  FakeStack stack;
  const Report report = run_against(stack, test_config(Scenario::encrypt, 4));
  EXPECT_EQ(report.setup_requests, 8u);
  ASSERT_EQ(report.methods.size(), 1u);
  EXPECT_EQ(report.methods[0].name, "vault.Encrypt");
  EXPECT_EQ(report.requests(), report.checks.ciphertexts.acknowledged);
}

TEST(BotsLoad, CountsRefusalsByReasonAndNotAsFastAnswers) {
  FakeStack stack;
  stack.refusal = test::status(rpc::Code::resource_exhausted, "busy", "come back later");
  stack.refusal.retry_after = 100ms;
  BotsConfig config = test_config(Scenario::echo, 2);
  config.duration = 2s;
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.failed(), report.requests());
  EXPECT_NEAR(static_cast<double>(report.requests()), 40, 4);  // two bots that wait as told, 2 s
  EXPECT_EQ(report.latency().count(), 0u);
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(report.errors[0].reason, "busy");
  EXPECT_EQ(report.errors[0].example, "come back later");
  EXPECT_EQ(report.errors[0].count, report.requests());
  EXPECT_EQ(exit_code(report), 1);  // nothing was answered: nothing is proved
}

TEST(BotsLoad, SaysThatNobodyIsThere) {
  sim::World world(1);
  NoProgress progress;
  Stop stop(world.runtime());
  BotsConfig config = test_config(Scenario::echo, 1000);
  config.connect_timeout = 3s;
  net::Plaintext plaintext;
  Report report;
  struct Body {
    static task<> run(sim::World& w, const BotsConfig& c, Progress& p, Stop& s,
                      net::Plaintext& security, Report& out) {
      out = co_await run_bots(w.runtime(), w.host("bots"), security, c, p, s);
    }
  };
  world.run(Body::run(world, config, progress, stop, plaintext, report));
  EXPECT_EQ(exit_code(report), 2);
  EXPECT_NE(report.unreachable.find("stack:7400"), std::string::npos) << report.unreachable;
  EXPECT_GT(report.failed_dials, 0u);
  EXPECT_EQ(report.failed_dials, report.dials);
  EXPECT_NEAR(report.connect_seconds, 3.0, 0.1);
  EXPECT_NE(format_table(report).find("No bot could connect"), std::string::npos);
}

class StoppingProgress final : public Progress {
 public:
  StoppingProgress(Stop& stop, Stage stage) : stop_(stop), stage_(stage) {}
  void update(const ProgressView& view) override {
    if (view.stage == stage_ && view.elapsed >= 2s && !std::exchange(done_, true)) stop_.request();
  }

 private:
  Stop& stop_;
  Stage stage_;
  bool done_ = false;
};

TEST(BotsLoad, EndsEarlyAndChecksAllTheSame) {
  sim::World world(1);
  Stop stop(world.runtime());
  StoppingProgress progress(stop, Stage::load);
  FakeStack stack;
  BotsConfig config = test_config(Scenario::signup, 3);
  config.duration = 1h;
  config.rate = 20;
  Report report;
  world.run(run_in(world, stack, config, progress, stop, report));
  EXPECT_TRUE(report.interrupted);
  EXPECT_LT(report.load_seconds, 4.0);
  EXPECT_GT(report.checks.accounts.acknowledged, 20u);
  EXPECT_EQ(report.checks.accounts.checked, report.checks.accounts.acknowledged);
  EXPECT_EQ(exit_code(report), 0);
}

TEST(BotsLoad, SpreadsConnectionsOverTheRamp) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::echo, 100);
  config.duration = 10ms;
  config.ramp = 10s;
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.sessions_connected, 100u);
  EXPECT_NEAR(report.connect_seconds, 9.9, 0.2);
  EXPECT_EQ(report.dials, 100u);
}

TEST(BotsLoad, ConnectsAThousandBots) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::echo, 1000);
  config.duration = 10ms;
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.sessions_ready, 1000u);
  EXPECT_EQ(report.failed(), 0u);
  EXPECT_GT(report.requests(), 5000u);
}

TEST(BotsLoad, SameSeedSameReport) {
  const BotsConfig config = test_config(Scenario::mixed, 10);
  std::string reports[3];
  for (const std::uint64_t seed : {7, 7, 8}) {
    FakeStack stack;
    std::string& report = reports[seed == 8 ? 2 : reports[0].empty() ? 0 : 1];
    report = format_json(run_against(stack, config, seed));
  }
  EXPECT_EQ(reports[0], reports[1]);
  EXPECT_NE(reports[0], reports[2]);
}

TEST(BotsLoad, ConfiguredSeedMakesTheSameNames) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::signup, 2);
  config.seed = 42;
  const Report first = run_against(stack, config, 1);
  EXPECT_EQ(exit_code(first), 0);
  // The names are taken now, and by ourselves: refused, but nothing is duplicated.
  const Report second = run_against(stack, config, 2);
  EXPECT_EQ(second.checks.duplicated, 0u);
  ASSERT_FALSE(second.errors.empty());
  EXPECT_EQ(second.errors[0].reason, "name_taken");
}

TEST(BotsLoad, ANameTakenBeforeItWasGivenIsADuplicate) {
  FakeStack stack;
  stack.refusal = test::status(rpc::Code::already_exists, "name_taken", "taken");
  const Report report = run_against(stack, test_config(Scenario::signup, 1));
  EXPECT_EQ(report.checks.duplicated, report.requests());
  EXPECT_EQ(exit_code(report), 1);
}

TEST(BotsProbes, AreTheirShareAndOfEachKind) {
  ProbeSchedule schedule(0.05);
  int counts[4] = {};
  for (int i = 0; i < 1000; ++i) ++counts[static_cast<int>(schedule.next())];
  EXPECT_NEAR(1000 - counts[0], 50, 4);
  for (int kind = 1; kind < 4; ++kind) EXPECT_NEAR(counts[kind], 17, 2);

  ProbeSchedule never(0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(never.next(), Probe::none);
  ProbeSchedule always(1);
  for (int i = 0; i < 100; ++i) EXPECT_NE(always.next(), Probe::none);
}

}  // namespace
}  // namespace babilu::bots
