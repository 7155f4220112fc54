// The options of the bots.
#include <gtest/gtest.h>

#include "core/config/schema.h"
#include "tools/bots/config.h"

namespace babilu::bots {
namespace {

using namespace std::chrono_literals;

struct Loaded {
  BotsConfig config;
  config::Result result;
};

Loaded load(const std::vector<std::string>& arguments) {
  Loaded loaded;
  config::Schema schema("bots");
  bind(schema, loaded.config);
  loaded.result = schema.load(arguments, config::Environment());
  return loaded;
}

TEST(BotsConfig, TakesTheCommandLineOfTheManual) {
  const Loaded loaded = load({"--target", "localhost:7400", "--scenario", "encrypt", "--sessions",
                              "64",       "--duration",     "10s",        "--json",  "out.json",
                              "--rate",   "2500.5",         "--payload",  "1KiB",    "--deadline",
                              "250ms",    "--ramp",         "2s",         "--seed",  "7",
                              "--ca",     "ca.pem"});
  ASSERT_TRUE(loaded.result.loaded()) << loaded.result.error_text();
  EXPECT_EQ(loaded.config.target, std::vector<std::string>{"localhost:7400"});
  EXPECT_EQ(loaded.config.scenario, Scenario::encrypt);
  EXPECT_EQ(loaded.config.sessions, 64u);
  EXPECT_EQ(loaded.config.duration, 10s);
  EXPECT_EQ(loaded.config.rate, 2500.5);
  EXPECT_EQ(loaded.config.payload.bytes, 1024u);
  EXPECT_EQ(loaded.config.deadline, 250ms);
  EXPECT_EQ(loaded.config.ramp, 2s);
  EXPECT_EQ(loaded.config.seed, 7u);
  EXPECT_EQ(loaded.config.ca, "ca.pem");
}

TEST(BotsConfig, TakesSeveralTargets) {
  const Loaded loaded = load({"--target", "a:1,b:2", "--target", "c:3"});
  ASSERT_TRUE(loaded.result.loaded()) << loaded.result.error_text();
  EXPECT_EQ(loaded.config.target, (std::vector<std::string>{"a:1", "b:2", "c:3"}));
}

TEST(BotsConfig, AllowsPlaintextOnLoopbackOnly) {
  EXPECT_TRUE(load({"--plaintext", "--target", "127.0.0.1:7400,[::1]:7400"}).result.loaded());
  const Loaded elsewhere = load({"--plaintext", "--target", "127.0.0.1:1,192.0.2.1:7400"});
  EXPECT_FALSE(elsewhere.result.loaded());
  EXPECT_NE(elsewhere.result.error_text().find("192.0.2.1:7400"), std::string::npos);
}

TEST(BotsConfig, RefusesWhatMakesNoSense) {
  const std::vector<std::vector<std::string>> bad = {
      {"--target", "nowhere"},    {"--target", "host:0"},  {"--sessions", "0"},
      {"--sessions", "-1"},       {"--duration", "0s"},    {"--rate", "-1"},
      {"--scenario", "nonsense"}, {"--payload", "193KiB"}, {"--resend", "1.5"},
      {"--deadline", "forever"},  {"--keep", "0"},         {"--ca", ""},
      {"--rate", "nan"},          {"--session", "5"},
  };
  for (const auto& arguments : bad) {
    EXPECT_FALSE(load(arguments).result.loaded()) << arguments[0] << " " << arguments[1];
  }
}

TEST(BotsConfig, BoundsWhatIsInFlight) {
  BotsConfig config;
  config.sessions = 10;
  EXPECT_EQ(in_flight_bound(config), 640u);
  config.in_flight = 5;
  EXPECT_EQ(in_flight_bound(config), 5u);
}

}  // namespace
}  // namespace babilu::bots
