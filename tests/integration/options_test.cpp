// Every option that is a number, a time or a size: its range, what zero means, and that nothing
// overflows. What there is to test is read from --print-config, so that no option is forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>
#include <tuple>

#include "tests/integration/support/stack.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;
using Words = std::vector<std::string>;

struct Quantity {
  std::string flag;   // "--limits-frame"
  std::string value;  // the default, as TOML
  std::string note;   // the help, and the range in parentheses
  std::string least = {};
  std::string greatest = {};
  bool or_zero = false;

  bool is_time() const { return value.find_first_of("smhd") != std::string::npos; }
  bool takes_zero() const {
    return or_zero || least == "0" || least == "0B" || least == "0s" || least == "0.0";
  }
};

std::string unquoted(std::string text) {
  std::erase(text, '"');
  return text;
}

std::string flag_of(std::string section, const std::string& name) {
  std::string flag = "--" + (section.empty() ? "" : section + "-") + name;
  for (char& c : flag) c = c == '_' || c == '.' ? '-' : c;
  return flag;
}

void find_range(Quantity& quantity) {
  static const std::regex range(
      R"re(from "?([0-9A-Za-z.]+)"? to "?([0-9A-Za-z.+]+)"?(, or 0)?\)$)re");
  std::smatch found;
  if (!std::regex_search(quantity.note, found, range)) return;
  quantity.least = found[1];
  quantity.greatest = found[2];
  quantity.or_zero = found[3].matched;
}

std::vector<Quantity> quantities_of(const Words& command) {
  static const std::regex option(R"re(([a-z_0-9]+) = ("?[0-9][0-9a-zA-Z.]*"?)  # .*)re");
  static const std::regex section(R"re(\[([a-z_.]+)\].*)re");
  Words arguments = command;
  arguments.push_back("--print-config");
  const auto printed = run({.arguments = arguments});
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  std::vector<Quantity> found;
  std::istringstream lines(printed.out);
  std::string in, note;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, section)) in = match[1];
    if (std::regex_match(line, match, option)) {
      found.push_back({flag_of(in, match[1]), unquoted(match[2]), note});
      find_range(found.back());
    }
    note = line;
  }
  return found;
}

const std::vector<Words>& commands() {
  static const std::vector<Words> all{
      {"demo"},
      {"signup"},
      {"login"},
      {"whoami"},
      {"encrypt"},
      {"decrypt"},
      {"sign"},
      {"verify"},
      {"peer", "listen", "--name", "ada"},
      {"chat", "--name", "ada", "--to", "127.0.0.1:1"},
      {"peer", "forget", "--name", "ada"},
      {"proxy"},
      {"backend"},
      {"certificates", "init"},
      {"bots"},
  };
  return all;
}

/// The command with all of these set, each to what `value` says.
template <class Value>
Outcome with(Words arguments, const std::vector<Quantity>& quantities, Value value) {
  for (const Quantity& quantity : quantities) {
    arguments.push_back(quantity.flag + "=" + value(quantity));
  }
  arguments.push_back("--print-config");
  return run({.arguments = std::move(arguments)});
}

TEST(Options, OfEveryCommandHaveARangeThatHolds) {
  std::size_t all = 0;
  for (const Words& command : commands()) {
    const auto quantities = quantities_of(command);
    all += quantities.size();
    for (const Quantity& quantity : quantities) {
      EXPECT_NE(quantity.greatest, "") << command[0] << " " << quantity.flag << " has no range";
    }
    const auto least = with(command, quantities, [](const Quantity& q) { return q.least; });
    EXPECT_EQ(least.exit_code, 0) << command[0] << least.err;
    const auto greatest = with(command, quantities, [](const Quantity& q) { return q.greatest; });
    EXPECT_EQ(greatest.exit_code, 0) << command[0] << greatest.err;
    if (quantities.empty()) continue;
    for (const char* beyond :
         {"-1", "18446744073709551616", "340282366920938463463374607431768211456", "1e400",
          "106751d23h45m", "36501d", "99999999999999999999999d", "99999999999TiB", "nan", ""}) {
      const auto refused = with(command, quantities, [&](const Quantity&) { return beyond; });
      EXPECT_EQ(refused.exit_code, 2) << command[0] << " " << beyond;
      for (const Quantity& quantity : quantities) {
        EXPECT_THAT(refused.err, HasSubstr(quantity.flag + ": ")) << beyond;
      }
    }
  }
  EXPECT_GT(all, 40u);
}

TEST(Options, SayWhatZeroMeansOrRefuseIt) {
  const auto zero = [](const Quantity& quantity) {
    return std::string(quantity.is_time() ? "0s" : "0");
  };
  for (const Words& command : commands()) {
    std::vector<Quantity> taking, refusing;
    for (const Quantity& quantity : quantities_of(command)) {
      (quantity.takes_zero() ? taking : refusing).push_back(quantity);
      if (!quantity.or_zero) continue;
      EXPECT_TRUE(std::regex_search(quantity.note, std::regex("; 0s?:? [a-z]|[,;] 0 for|0: ")))
          << quantity.flag << ": " << quantity.note;
    }
    const auto taken = with(command, taking, zero);
    EXPECT_EQ(taken.exit_code, 0) << command[0] << taken.err;
    if (refusing.empty()) continue;
    const auto refused = with(command, refusing, zero);
    EXPECT_EQ(refused.exit_code, 2) << command[0];
    for (const Quantity& quantity : refusing) {
      EXPECT_THAT(refused.err, HasSubstr(quantity.flag + ": "));
    }
  }
}

/// A server with them would serve nobody, and say nothing of it.
TEST(Options, ThatWouldShutEverybodyOutAreRefused) {
  for (const auto& [command, flag, value] :
       {std::tuple("proxy", "--limits-handshake-timeout", "0s"),
        std::tuple("proxy", "--limits-frame-timeout", "0s"),
        std::tuple("proxy", "--limits-sessions", "0"), std::tuple("proxy", "--limits-streams", "0"),
        std::tuple("backend", "--token-lifetime", "0s"),
        std::tuple("backend", "--token-lifetime", "100000d"),
        std::tuple("backend", "--passwords-queue", "0"),
        std::tuple("backend", "--passwords-threads", "0")}) {
    const auto refused = run({.arguments = {command, flag, value, "--print-config"}});
    EXPECT_EQ(refused.exit_code, 2) << flag;
    EXPECT_THAT(refused.err, HasSubstr(std::string(flag) + ": "));
  }
}

/// All times of a server, at one end of their range.
Words times(const char* command, std::string Quantity::* end) {
  Words arguments;
  for (const Quantity& quantity : quantities_of({command})) {
    if (quantity.is_time()) arguments.push_back(quantity.flag + "=" + quantity.*end);
  }
  return arguments;
}

TEST(Options, AtTheirLongestServe) {
  Stack stack({.proxy = times("proxy", &Quantity::greatest),
               .backend = times("backend", &Quantity::greatest)});
  stack.add_account("ada");
  EXPECT_EQ(stack.babilu({"whoami", "--deadline", "1h"}).exit_code, 0);
  const auto bots = stack.babilu({"bots",  "--sessions",        "2",        "--rate",
                                  "0.001", "--duration",        "100ms",    "--scenario",
                                  "echo",  "--in-flight",       "10000000", "--deadline",
                                  "1d",    "--connect-timeout", "1d",       "--setup-timeout",
                                  "1d",    "--check-timeout",   "1d",       "--json",
                                  "-"});
  EXPECT_EQ(bots.exit_code, 0) << bots.err;
  EXPECT_THAT(bots.out, HasSubstr("\"requests\""));
  EXPECT_EQ(stack.stop(), "");
}

TEST(Options, AtTheirShortestStartAndStop) {
  Stack stack(
      {.proxy = times("proxy", &Quantity::least), .backend = times("backend", &Quantity::least)});
  EXPECT_EQ(stack.stop(), "");
}

TEST(Options, ARateThatIsAlmostZeroSendsAlmostNothing) {
  Stack stack({.plaintext = true, .backends = 1});
  const auto bots = stack.babilu({"bots", "--scenario", "echo", "--sessions", "1", "--rate",
                                  "0.001", "--duration", "200ms", "--json", "-"});
  EXPECT_EQ(bots.exit_code, 0) << bots.err;
  EXPECT_THAT(bots.err, HasSubstr("echo.Echo"));
  EXPECT_EQ(stack.babilu({"bots", "--rate", "1e-10"}).exit_code, 2);
}

}  // namespace
}  // namespace babilu::testing
