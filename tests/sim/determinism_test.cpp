// A proxy, two backends and ten bots in one thread, twice from one seed.
#include <gtest/gtest.h>

#include "core/runtime/runtime.h"
#include "tests/sim/stack.h"
#include "tests/support/size.h"
#include "tools/bots/run.h"

namespace babilu::test {
namespace {

using namespace std::chrono_literals;

bots::BotsConfig ten_bots() {
  bots::BotsConfig config;
  config.target = {SimulatedStack::address().to_string()};
  config.plaintext = true;
  config.scenario = bots::Scenario::mixed;
  config.sessions = 10;
  config.duration = 500ms;
  config.check_logins = 10;
  return config;
}

task<> load(sim::World& world, bots::Report& report) {
  SimulatedStack stack(world);
  co_await stack.ready();
  // In a world without work bots are faster than any address may be.
  stack.proxy().admission().set_options({.each = {.requests_per_second = 0}});
  net::Plaintext plaintext;
  bots::NoProgress progress;
  bots::Stop stop(world.runtime());
  report = co_await bots::run_bots(world.runtime(), world.host("bots"), plaintext, ten_bots(),
                                   progress, stop);
  co_await stack.stop();
}

struct Trial {
  bots::Report report;
  std::vector<std::string> events;
};

Trial run_trial(std::uint64_t seed) {
  Trial made;
  sim::World world(seed, {.trace = true});
  world.run(load(world, made.report));
  made.events = world.events();
  return made;
}

TEST(Simulation, TenBotsFindNothingLostTwiceTheSame) {
  for_each_seed(42, repetitions(1, 20), [](std::uint64_t seed) {
    const Trial first = run_trial(seed);
    EXPECT_EQ(bots::exit_code(first.report), 0) << bots::format_table(first.report);
    EXPECT_EQ(first.report.failed(), 0u) << bots::format_table(first.report);
    EXPECT_EQ(first.report.limits.entries().size(), 1u);
    EXPECT_GT(first.report.requests(), 1000u);
    EXPECT_GT(first.events.size(), 1000u);

    const Trial second = run_trial(seed);
    EXPECT_EQ(first.events, second.events);
    EXPECT_EQ(bots::format_json(first.report), bots::format_json(second.report));
  });
}

TEST(Simulation, AnotherSeedGoesAnotherWay) {
  EXPECT_NE(run_trial(1).events, run_trial(2).events);
}

}  // namespace
}  // namespace babilu::test
