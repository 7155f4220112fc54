#include "core/config/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace babilu::config {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

enum class Format { text, json };

struct Config {
  std::string listen = "127.0.0.1:7400";
  std::vector<std::string> backends = {"127.0.0.1:7401"};
  std::filesystem::path database;
  bool verbose = false;
  Format format = Format::text;
  std::optional<std::uint64_t> seed;
  SecretSource token;
  struct {
    std::uint32_t sessions = 1000;
    ByteSize frame{256 * 1024};
    double load = 0.5;
    std::chrono::milliseconds idle = 30s;
  } limits;
};

struct Bound {
  Config config;
  Schema schema{"babilu proxy"};

  Bound() {
    schema.option("listen", config.listen, "address to listen on", listen_address());
    schema.option("backends", config.backends, "backends to relay to", address());
    schema.option("database", config.database, "the database file");
    schema.option("verbose", config.verbose, "say more");
    schema.option("format", config.format, "of the log",
                  choices<Format>({{"text", Format::text}, {"json", Format::json}}));
    schema.option("seed", config.seed, "of the randomness");
    schema.secret("token", config.token, "what the admin endpoint asks for");
    Section limits = schema.section("limits", "what a client may use");
    limits.option("sessions", config.limits.sessions, "sessions at once", range(1, 100'000));
    limits.option("max_frame", config.limits.frame, "bytes of a frame", at_least(ByteSize{1024}));
    limits.option("load", config.limits.load, "share of a core", range(0.0, 1.0));
    limits.option("idle", config.limits.idle, "time without a frame", range(1s, 1h));
  }

  Result load(const std::vector<std::string>& arguments, const Environment& environment = {}) {
    return schema.load(arguments, environment);
  }
};

class ConfigFiles : public ::testing::Test {
 protected:
  ConfigFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "babilu-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~ConfigFiles() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string& name, std::string_view text) {
    const std::string path = (folder / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Result load_text(Bound& bound, std::string_view toml, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"--config", write("c.toml", toml)});
    return bound.load(arguments);
  }
  /// The errors of a file, without the folder's name.
  std::string errors_of(std::string_view toml) {
    Bound bound;
    const Result result = load_text(bound, toml);
    EXPECT_EQ(result.outcome, Result::Outcome::failed);
    return without_folder(result.error_text());
  }
  std::string without_folder(std::string text) const {
    const std::string prefix = folder.string() + "/";
    for (std::size_t at; (at = text.find(prefix)) != std::string::npos;)
      text.erase(at, prefix.size());
    return text;
  }

  std::filesystem::path folder;
};

TEST(ConfigSchema, DefaultsAreWhatTheStructHolds) {
  Bound bound;
  const Result result = bound.load({});
  ASSERT_TRUE(result.loaded()) << result.error_text();
  EXPECT_EQ(bound.config.listen, "127.0.0.1:7400");
  EXPECT_EQ(bound.config.limits.sessions, 1000u);
  EXPECT_FALSE(bound.config.seed);
  EXPECT_TRUE(result.warnings.empty());
}

TEST(ConfigSchema, AnErrorSaysWhatAReaderFoundWrong) {
  std::vector<std::string> names;
  Schema schema("babilu proxy");
  schema.option("names", names, "of those who may",
                readable(
                    "a name", +[](std::string_view name) -> std::string {
                      return name.size() < 4 ? "" : '"' + std::string(name) + "\" is too long";
                    }));
  EXPECT_TRUE(schema.load({"--names", "ada", "--names", "bob"}, {}).loaded());
  EXPECT_EQ(schema.load({"--names", "ada", "--names", "charles"}, {}).error_text(),
            "--names: names: found \"ada\", \"charles\", \"charles\" is too long, expected a list, "
            "each a name\n");
}

TEST_F(ConfigFiles, LaterSourcesWin) {
  const std::string toml =
      "listen = '127.0.0.1:1'\nbackends = ['a:1', 'b:2']\nverbose = true\n"
      "[limits]\nsessions = 10\nmax_frame = '64KiB'\nload = 1\nidle = '2s'\n";
  Bound bound;
  ASSERT_TRUE(load_text(bound, toml).loaded());
  EXPECT_EQ(bound.config.listen, "127.0.0.1:1");
  EXPECT_THAT(bound.config.backends, ElementsAre("a:1", "b:2"));
  EXPECT_TRUE(bound.config.verbose);
  EXPECT_EQ(bound.config.limits.sessions, 10u);
  EXPECT_EQ(bound.config.limits.frame.bytes, 65'536u);
  EXPECT_EQ(bound.config.limits.load, 1.0);
  EXPECT_EQ(bound.config.limits.idle, 2s);

  const Environment environment = {{"BABILU_LIMITS_SESSIONS", "20"},
                                   {"BABILU_LIMITS_MAX_FRAME", "1MiB"},
                                   {"BABILU_BACKENDS", "c:3, d:4"},
                                   {"BABILU_LISTEN", ""},  // as if not set
                                   {"BABILU_VERBOSE", "false"}};
  const Result result = bound.load({"--config", (folder / "c.toml").string(), "--limits-sessions",
                                    "30", "--format=json", "--seed", "7"},
                                   environment);
  ASSERT_TRUE(result.loaded()) << result.error_text();
  EXPECT_EQ(bound.config.limits.sessions, 30u);
  EXPECT_EQ(bound.config.limits.frame.bytes, 1'048'576u);
  EXPECT_THAT(bound.config.backends, ElementsAre("c:3", "d:4"));
  EXPECT_EQ(bound.config.listen, "127.0.0.1:1");
  EXPECT_FALSE(bound.config.verbose);
  EXPECT_EQ(bound.config.format, Format::json);
  EXPECT_EQ(bound.config.seed, 7u);
}

TEST(ConfigSchema, FlagsOfEveryForm) {
  Bound bound;
  ASSERT_TRUE(bound.load({"--verbose", "--backends", "a:1", "--backends=b:2,c:3"}).loaded());
  EXPECT_TRUE(bound.config.verbose);
  EXPECT_THAT(bound.config.backends, ElementsAre("a:1", "b:2", "c:3"));
  ASSERT_TRUE(bound.load({"--verbose=false"}).loaded());
  EXPECT_FALSE(bound.config.verbose);
  EXPECT_THAT(bound.config.backends, ElementsAre("127.0.0.1:7401"));  // from the defaults again
}

TEST_F(ConfigFiles, TheVariableNamesTheFileUnlessTheFlagDoes) {
  const std::string one = write("one.toml", "seed = 1");
  const std::string two = write("two.toml", "seed = 2");
  Bound bound;
  ASSERT_TRUE(bound.load({}, {{"BABILU_CONFIG", one}}).loaded());
  EXPECT_EQ(bound.config.seed, 1u);
  ASSERT_TRUE(bound.load({"--config", two}, {{"BABILU_CONFIG", one}}).loaded());
  EXPECT_EQ(bound.config.seed, 2u);
}

TEST_F(ConfigFiles, AllErrorsOfAFileAreToldAtOnce) {
  EXPECT_EQ(errors_of("lisen = 'x'\n"
                      "listen = 7400\n"
                      "backends = ['a:1', 'b']\n"
                      "verbose = 'true'\n"
                      "format = 'xml'\n"
                      "seed = -1\n"
                      "[limits]\n"
                      "sessions = 0\n"
                      "max_frame = '10'\n"
                      "  load = '0.5'\n"
                      "idle = 250\n"),
            "c.toml:1:1: lisen: unknown key; did you mean listen?\n"
            "c.toml:2:1: listen: found the number 7400, expected an IP address of this "
            "machine and a port, such as 127.0.0.1:7400 or 0.0.0.0:7400\n"
            "c.toml:3:1: backends: found a list of 2 texts, expected a list, each an address such "
            "as 127.0.0.1:7400\n"
            "c.toml:4:1: verbose: found the text \"true\", expected true or false\n"
            "c.toml:5:1: format: found the text \"xml\", expected text or json\n"
            "c.toml:6:1: seed: found the number -1, expected a whole number from 0 to "
            "18446744073709551615\n"
            "c.toml:8:1: limits.sessions: found the number 0, expected a whole number from 1 to "
            "100000\n"
            "c.toml:9:1: limits.max_frame: found the text \"10\", expected a size, at least "
            "\"1KiB\"\n"
            "c.toml:10:3: limits.load: found the text \"0.5\", expected a number from 0.0 to 1.0\n"
            "c.toml:11:1: limits.idle: found the number 250, without a unit, expected a duration "
            "from \"1s\" to \"1h\"\n");
}

TEST_F(ConfigFiles, UnknownKeysAndSectionsGetASuggestion) {
  EXPECT_EQ(errors_of("sessions = 1"),
            "c.toml:1:1: sessions: unknown key; did you mean limits.sessions?\n");
  EXPECT_EQ(errors_of("[limit]\nsessions = 1\nx = 2"),
            "c.toml:1:2: limit: unknown section; did you mean limits?\n");
  EXPECT_EQ(errors_of("[x]\ny = 1"), "c.toml:1:2: x: unknown section\n");
  EXPECT_EQ(errors_of("entirely_else = 1"), "c.toml:1:1: entirely_else: unknown key\n");
  EXPECT_EQ(errors_of("limits = 5"),
            "c.toml:1:1: limits: found the number 5, expected a section: [limits]\n");
  EXPECT_EQ(errors_of("[listen]\nx = 1").substr(0, 36), "c.toml:1:2: listen: found a table, e");
  EXPECT_EQ(errors_of("\"limits.sessions\" = 5"),
            "c.toml:1:1: \"limits.sessions\": unknown key; did you mean limits.sessions?\n");
  EXPECT_EQ(errors_of("[[limits]]\nsessions = 5").substr(0, 42),
            "c.toml:1:3: limits: found a list with a ta");
  EXPECT_EQ(errors_of("backends = [1]").substr(0, 48),
            "c.toml:1:1: backends: found a list with a number");
  EXPECT_EQ(errors_of("listen = 1979-05-27").substr(0, 41),
            "c.toml:1:1: listen: found a date or time,");
}

TEST_F(ConfigFiles, WhatIsNotTomlIsToldWithItsPlace) {
  EXPECT_THAT(errors_of("seed = 1\nseed = 2"), HasSubstr("c.toml:2:"));
  EXPECT_THAT(errors_of("seed = "), HasSubstr("c.toml:1:"));
  EXPECT_THAT(errors_of("seed = 99999999999999999999"), HasSubstr("c.toml:1:"));
  EXPECT_THAT(errors_of("listen = \"\xff\""), HasSubstr("c.toml:1:"));
  EXPECT_THAT(errors_of(std::string("listen = \"a\0b\"", 14)), HasSubstr("c.toml:1:"));
  EXPECT_THAT(errors_of(std::string(10'000, '[')), HasSubstr("c.toml:1:"));
  EXPECT_THAT(errors_of(std::string(1024 * 1024 + 1, '\n')), HasSubstr("larger than 1 MiB"));
}

TEST_F(ConfigFiles, WhatTheParserRepeatsOfAFileIsShownWithoutHarm) {
  Bound bound;
  const auto result = bound.load({"--config", write("a.toml", "verbose = tr\n\x1B[2J\n")});
  ASSERT_EQ(result.errors.size(), 1u);
  for (const char c : result.errors.front().message()) {
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) << static_cast<int>(c);
  }
}

TEST_F(ConfigFiles, UnreadableFilesAreTold) {
  Bound bound;
  Result result = bound.load({"--config", (folder / "none.toml").string()});
  EXPECT_EQ(without_folder(result.error_text()),
            "none.toml: cannot read the configuration file: No such file or directory\n");
  result = bound.load({"--config", folder.string()});
  EXPECT_THAT(result.error_text(), HasSubstr("cannot read the configuration file"));
  result = bound.load({"--config="});
  EXPECT_FALSE(result.loaded());
  result = bound.load({"--config", "a", "--config", "b"});
  EXPECT_THAT(result.error_text(), HasSubstr("--config: given more than once"));
}

TEST(ConfigSchema, FlagAndVariableErrorsNameThem) {
  Bound bound;
  const Result result = bound.load({"--limits-sessions", "many", "--seed=1", "--seed=2"},
                                   {{"BABILU_FORMAT", "xml"}, {"BABILU_LISTEN", "nowhere"}});
  EXPECT_EQ(result.error_text(),
            "BABILU_LISTEN: listen: found \"nowhere\", expected an IP address of this machine "
            "and a port, such as 127.0.0.1:7400 or 0.0.0.0:7400\n"
            "BABILU_FORMAT: format: found \"xml\", expected text or json\n"
            "--seed: seed: found \"1\", \"2\", given more than once, expected a whole number from "
            "0 to 18446744073709551615\n"
            "--limits-sessions: limits.sessions: found \"many\", expected a whole number from 1 to "
            "100000\n");
}

TEST(ConfigSchema, AnEmptyValueIsNoneAndNeverTheNextArgument) {
  Bound bound;
  EXPECT_EQ(bound.load({"--database=", "--verbose"}).error_text(),
            "--database: database: found an empty value, expected a path\n");
  EXPECT_FALSE(bound.load({"--database", ""}).loaded());
  EXPECT_FALSE(bound.load({"--limits-sessions="}).loaded());
  EXPECT_THAT(bound.load({"--verbose="}).error_text(), HasSubstr("true or false"));
  EXPECT_THAT(bound.load({"--database", "--verbose"}).error_text(),
              HasSubstr("--database: no value before --verbose"));
  EXPECT_THAT(bound.load({"--database", "--seed=1"}).error_text(), HasSubstr("no value before"));
  ASSERT_TRUE(bound.load({"--database=--verbose"}).loaded());
  EXPECT_EQ(bound.config.database, "--verbose");
  ASSERT_TRUE(bound.load({"--database", "--other"}).loaded());
  EXPECT_EQ(bound.config.database, "--other");
  // What stands in a file was meant: --print-config writes it so.
  ASSERT_TRUE(bound.load({}, {{"BABILU_DATABASE", ""}}).loaded());
}

TEST(ConfigSchema, AnEmptyValueCountsWhereItMeansSomething) {
  std::string text = "not given";
  Schema schema("babilu");
  schema.option("text", text, "a text", may_be_empty());
  ASSERT_TRUE(schema.load({"--text="}, {}).loaded());
  EXPECT_EQ(text, "");
  text = "not given";
  ASSERT_TRUE(schema.load({"--text", ""}, {}).loaded());
  EXPECT_EQ(text, "");
}

TEST(ConfigSchema, ZeroIsTakenWhereItHasAMeaning) {
  std::chrono::milliseconds idle = 1s;
  std::uint32_t sessions = 1;
  Schema schema("babilu");
  schema.option("idle", idle, "how long; 0s for ever", range_or_zero(10ms, 1h));
  schema.option("sessions", sessions, "how many", range(1u, 10u));
  EXPECT_TRUE(schema.load({"--idle", "0s"}, {}).loaded());
  EXPECT_TRUE(schema.load({"--idle", "10ms"}, {}).loaded());
  EXPECT_EQ(schema.load({"--idle", "9ms", "--sessions", "0"}, {}).error_text(),
            "--idle: idle: found \"9ms\", expected a duration from \"10ms\" to \"1h\", or 0\n"
            "--sessions: sessions: found \"0\", expected a whole number from 1 to 10\n");
}

TEST(ConfigSchema, UnknownFlagsGetASuggestion) {
  Bound bound;
  EXPECT_EQ(bound.load({"--lisen", "a:1"}).error_text(),
            "command line: unknown flag \"--lisen\"; did you mean --listen?\n");
  EXPECT_EQ(bound.load({"--limits.sessions=1"}).error_text(),
            "command line: unknown flag \"--limits.sessions\"; did you mean --limits-sessions?\n");
  EXPECT_EQ(bound.load({"stray", "--no-such-thing-at-all"}).error_text(),
            "command line: unexpected argument \"stray\"\n"
            "command line: unknown flag \"--no-such-thing-at-all\"\n");
  EXPECT_THAT(bound.load({"--listen"}).error_text(), HasSubstr("--listen"));
  EXPECT_FALSE(bound.load({"--verbose=maybe"}).loaded());
}

TEST(ConfigSchema, UnknownVariablesWarnUnlessTheyLookMistyped) {
  Bound bound;
  bound.schema.known_variable("BABILU_PASSWORD");
  Result result =
      bound.load({}, {{"BABILU_MAILBOX_QUOTA", "1"}, {"BABILU_PASSWORD", "x"}, {"OTHER", "1"}});
  EXPECT_TRUE(result.loaded());
  EXPECT_THAT(result.warnings,
              ElementsAre("BABILU_MAILBOX_QUOTA is not known to babilu proxy, and ignored"));
  result = bound.load({}, {{"BABILU_LIMIT_SESSIONS", "1"}});
  EXPECT_EQ(result.error_text(),
            "BABILU_LIMIT_SESSIONS: unknown variable; did you mean BABILU_LIMITS_SESSIONS?\n");
}

TEST(ConfigSchema, NothingIsSetUnlessEverythingIsRight) {
  Bound bound;
  ASSERT_TRUE(bound.load({"--seed=5", "--limits-sessions=50"}).loaded());
  EXPECT_FALSE(bound.load({"--seed=6", "--limits-sessions=0"}).loaded());
  EXPECT_EQ(bound.config.seed, 5u);
  EXPECT_EQ(bound.config.limits.sessions, 50u);
}

TEST(ConfigSchema, ChecksSeeTheNewValuesAndUndoThem) {
  Bound bound;
  bound.schema.check([&]() -> std::optional<std::string> {
    if (bound.config.limits.sessions < bound.config.seed.value_or(0)) return "seed above sessions";
    return std::nullopt;
  });
  EXPECT_TRUE(bound.load({"--seed=9", "--limits-sessions=9"}).loaded());
  const Result result = bound.load({"--seed=10", "--limits-sessions=9"});
  EXPECT_EQ(result.error_text(), "seed above sessions\n");
  EXPECT_EQ(bound.config.seed, 9u);
}

TEST(ConfigSchema, RequiredOptionsMustBeSet) {
  std::filesystem::path database;
  Schema schema("babilu backend");
  schema.option("database", database, "the database file", not_empty());
  EXPECT_EQ(schema.load({}, {}).error_text(),
            "database: not set, expected a path, not empty; set it with --database, "
            "BABILU_DATABASE or in the file\n");
  EXPECT_TRUE(schema.load({"--database=/x.db"}, {}).loaded());
  EXPECT_EQ(database, "/x.db");
}

TEST(ConfigSchema, HelpNamesEverything) {
  Bound bound;
  const Result result = bound.load({"--help"});
  EXPECT_EQ(result.outcome, Result::Outcome::help);
  EXPECT_THAT(result.text, AllOf(HasSubstr("--limits-max-frame"), HasSubstr("bytes of a frame"),
                                 HasSubstr("--token-file VALUE"), HasSubstr("--print-config"),
                                 HasSubstr("default \"256KiB\""), HasSubstr("BABILU_")));
  EXPECT_THAT(result.text, Not(HasSubstr("--token ")));
}

TEST(ConfigSchema, RefusesKeysThatAreBugs) {
  int a = 0;
  Bound bound;
  const auto refused = [&](const char* key) {
    EXPECT_THROW(bound.schema.option(key, a, "x"), std::logic_error) << key;
  };
  for (const char* key : {"", "Listen", "a-b", "a.b", "1st", "_a", "listen", "config", "help",
                          "print_config", "limits", "limits_sessions", "token", "token_file"}) {
    refused(key);
  }
  EXPECT_THROW(bound.schema.section("listen"), std::logic_error);
  EXPECT_NO_THROW(bound.schema.section("limits").option("more", a, "x"));
}

TEST_F(ConfigFiles, PrintedConfigurationIsReadBackAsTheSame) {
  Bound bound;
  const std::string token = write("token", "hush\n");
  const std::string toml =
      "database = \"/tmp/a b\\\"\\\\\\u0007é\"\nbackends = []\n"
      "[limits]\nload = 0.1\nidle = '90m'\n";
  const std::vector<std::string> arguments = {
      "--config", write("c.toml", toml), "--seed", "12", "--token-file", token, "--print-config"};
  // 90m is above the rule's hour, so that the first attempt must fail.
  EXPECT_EQ(bound.load(arguments).outcome, Result::Outcome::failed);
  write("c.toml", std::string(toml).replace(toml.find("90m"), 3, "30m"));
  const Result printed = bound.load(arguments, {{"BABILU_LIMITS_SESSIONS", "77"}});
  ASSERT_EQ(printed.outcome, Result::Outcome::printed) << printed.error_text();
  EXPECT_EQ(bound.config.limits.sessions, 1000u);  // printing sets nothing

  Bound again;
  const Result reread = again.load({"--config", write("printed.toml", printed.text)});
  ASSERT_TRUE(reread.loaded()) << reread.error_text() << printed.text;
  EXPECT_EQ(again.config.database, "/tmp/a b\"\\\aé");
  EXPECT_TRUE(again.config.backends.empty());
  EXPECT_EQ(again.config.seed, 12u);
  EXPECT_EQ(again.config.limits.sessions, 77u);
  EXPECT_EQ(again.config.limits.load, 0.1);
  EXPECT_EQ(again.config.limits.idle, 30min);
  EXPECT_EQ(again.config.limits.frame.bytes, 262'144u);
  EXPECT_EQ(again.config.token.file, token);

  // Once more, and only the sources may differ.
  const auto values = [](const std::string& text) {
    std::string kept;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with('#')) kept += line.substr(0, line.rfind("  # ")) + "\n";
    }
    return kept;
  };
  EXPECT_EQ(values(again.schema.print()), values(printed.text));
}

TEST_F(ConfigFiles, PrintedConfigurationTellsSources) {
  Bound bound;
  const std::string path = write("c.toml", "seed = 3\n");
  const Result printed = bound.load({"--config", path, "--verbose", "--print-config"},
                                    {{"BABILU_FORMAT", "json"}, {"BABILU_TOKEN", "hush-hush"}});
  EXPECT_THAT(
      without_folder(printed.text),
      AllOf(HasSubstr("\nseed = 3  # c.toml:1:1\n"), HasSubstr("\nverbose = true  # --verbose\n"),
            HasSubstr("\nformat = \"json\"  # BABILU_FORMAT\n"),
            HasSubstr("\nlisten = \"127.0.0.1:7400\"  # default\n"),
            HasSubstr("\n[limits]  # what a client may use\n"), HasSubstr("# address to listen on"),
            HasSubstr("# token_file: the secret is in BABILU_TOKEN\n"), Not(HasSubstr("hush"))));
  EXPECT_THAT(Bound().schema.print(), HasSubstr("# seed: not set"));
}

TEST_F(ConfigFiles, SecretsComeFromFilesOrVariables) {
  Bound bound;
  const auto value = [&] { return std::string(text_of(bound.config.token.value)); };
  const std::string path = write("token", "file secret\n");
  ASSERT_TRUE(bound.load({}, {{"BABILU_TOKEN_FILE", path}}).loaded());
  EXPECT_EQ(value(), "file secret");
  ASSERT_TRUE(bound.load({}, {{"BABILU_TOKEN", "variable secret"}}).loaded());
  EXPECT_EQ(value(), "variable secret");
  EXPECT_TRUE(bound.config.token.file.empty());
  ASSERT_TRUE(load_text(bound, "token_file = '" + path + "'").loaded());
  EXPECT_EQ(value(), "file secret");
  ASSERT_TRUE(bound.load({"--token-file", path}, {{"BABILU_TOKEN", "variable"}}).loaded());
  EXPECT_EQ(value(), "file secret");
  ASSERT_TRUE(bound.load({}).loaded());
  EXPECT_EQ(value(), "");  // a reload starts from the defaults
}

TEST_F(ConfigFiles, WhatEditorsPutAroundASecretIsNoPartOfIt) {
  Bound bound;
  const auto value = [&] { return std::string(text_of(bound.config.token.value)); };
  for (const std::string written :
       {"secret", "secret\n", "secret\r\n", "secret\n\n", "\xEF\xBB\xBFsecret\r\n"}) {
    ASSERT_TRUE(bound.load({"--token-file", write("token", written)}).loaded());
    EXPECT_EQ(value(), "secret");
    ASSERT_TRUE(bound.load({}, {{"BABILU_TOKEN", written}}).loaded());
    EXPECT_EQ(value(), "secret");
  }
  ASSERT_TRUE(bound.load({}, {{"BABILU_TOKEN", " a b\t"}}).loaded());
  EXPECT_EQ(value(), " a b\t");
  EXPECT_THAT(bound.load({"--token-file", "-"}).error_text(), HasSubstr("/dev/stdin"));
}

TEST_F(ConfigFiles, APipeIsReadOnceAndNotWaitedForByALoop) {
  Bound bound;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { write("pipe", "seed = 7\n"); });
  CLI::App app("babilu proxy");
  bound.schema.attach(app);
  bound.schema.parse({"--config", pipe});
  ASSERT_TRUE(bound.schema.resolve({}).loaded());
  writer.join();
  EXPECT_EQ(bound.config.seed, 7u);
  EXPECT_THAT(bound.schema.resolve({}, Pipes::refuse).error_text(),
              HasSubstr("a pipe, which cannot be read again"));
  EXPECT_EQ(bound.config.seed, 7u);
}

TEST_F(ConfigFiles, OneThatWasEmptiedIsRefusedWhenItIsReadAgain) {
  Bound bound;
  const std::string path = write("c.toml", "");
  CLI::App app("babilu proxy");
  bound.schema.attach(app);
  bound.schema.parse({"--config", path});
  EXPECT_TRUE(bound.schema.resolve({}).loaded()) << "at the start it is one with no wishes";
  write("c.toml", "backends = [\"10.0.0.1:7401\"]\n");
  ASSERT_TRUE(bound.schema.resolve({}, Pipes::refuse).loaded());
  for (const char* nothing : {"", "\n", "# backends = [\"10.0.0.1:7401\"]\n"}) {
    write("c.toml", nothing);
    EXPECT_THAT(bound.schema.resolve({}, Pipes::refuse).error_text(),
                HasSubstr("c.toml: found nothing in it"));
    EXPECT_THAT(bound.config.backends, ElementsAre("10.0.0.1:7401"));
  }
}

TEST_F(ConfigFiles, SecretsAreNeverShownInErrors) {
  Bound bound;
  const std::string path = write("token", "hush\n");
  for (const Result& result :
       {bound.load({"--token", "hush"}), bound.load({"--token=hush"}),
        bound.load({}, {{"BABILU_TOKEN", "hush"}, {"BABILU_TOKEN_FILE", path}}),
        load_text(bound, "token = 'hush'"), bound.load({"--seed=x"}, {{"BABILU_TOKEN", "hush"}})}) {
    EXPECT_EQ(result.outcome, Result::Outcome::failed);
    EXPECT_THAT(result.error_text(), Not(HasSubstr("hush")));
  }
  EXPECT_EQ(bound.load({"--token", "hush"}).error_text(),
            "command line: unknown flag \"--token\"; use --token-file or the variable "
            "BABILU_TOKEN\n");
  EXPECT_EQ(without_folder(load_text(bound, "token = 'hush'").error_text()),
            "c.toml:1:1: token: unknown key; did you mean token_file?\n");
}

TEST_F(ConfigFiles, SecretFilesThatAreNoneAreTold) {
  Bound bound;
  const auto error = [&](const std::string& path) {
    return without_folder(bound.load({"--token-file", path}).error_text());
  };
  EXPECT_EQ(
      error((folder / "none").string()),
      "--token-file: token_file: cannot read a secret from \"none\": No such file or directory\n");
  EXPECT_THAT(error(folder.string()), HasSubstr("Is a directory"));
  EXPECT_THAT(error(write("empty", "\n")), HasSubstr("empty"));
  EXPECT_THAT(error(write("large", std::string(70'000, 'x'))), HasSubstr("larger than 64 KiB"));
  // Printing does not need the secret.
  EXPECT_EQ(bound.load({"--token-file", "/nowhere", "--print-config"}).outcome,
            Result::Outcome::printed);
}

TEST(ConfigSchema, AttachesToASubcommand) {
  Bound bound;
  Config other;
  CLI::App app("babilu");
  CLI::App* proxy = app.add_subcommand("proxy", "the proxy");
  CLI::App* backend = app.add_subcommand("backend", "a backend");
  std::string profile;
  proxy->add_option("profile", profile, "a positional of the tool's own");
  bound.schema.attach(*proxy);
  Schema second("babilu backend");
  second.option("listen", other.listen, "address", listen_address());
  second.attach(*backend);

  app.parse("proxy --listen 127.0.0.1:9 mine --limits-sessions=3");
  ASSERT_TRUE(*proxy);
  EXPECT_FALSE(*backend);
  const Result result = bound.schema.resolve({});
  ASSERT_TRUE(result.loaded()) << result.error_text();
  EXPECT_EQ(bound.config.listen, "127.0.0.1:9");
  EXPECT_EQ(bound.config.limits.sessions, 3u);
  EXPECT_EQ(profile, "mine");

  app.parse("proxy --listen 127.0.0.1:9 --limits-sesions=3");
  EXPECT_EQ(bound.schema.resolve({}).error_text(),
            "command line: unknown flag \"--limits-sesions\"; did you mean --limits-sessions?\n");
}

TEST_F(ConfigFiles, ReloadReadsTheFileAgain) {
  Bound bound;
  CLI::App app("babilu proxy");
  bound.schema.attach(app);
  const std::string path = write("c.toml", "seed = 1\n[limits]\nsessions = 4\n");
  app.parse("--config " + path + " --limits-sessions 5");
  ASSERT_TRUE(bound.schema.resolve({}).loaded());
  EXPECT_EQ(bound.config.seed, 1u);
  write("c.toml", "seed = 2\n");
  ASSERT_TRUE(bound.schema.resolve({}).loaded());
  EXPECT_EQ(bound.config.seed, 2u);
  EXPECT_EQ(bound.config.limits.sessions, 5u);  // the command line still holds
  write("c.toml", "seed = nothing\n");
  EXPECT_FALSE(bound.schema.resolve({}).loaded());
  EXPECT_EQ(bound.config.seed, 2u);
  EXPECT_THAT(bound.schema.print(), HasSubstr("seed = 2"));
}

TEST(ConfigEnvironment, IsThatOfTheProcess) {
  ASSERT_EQ(::setenv("BABILU_TEST_ONLY", "a=b", 1), 0);
  const Environment environment = process_environment();
  EXPECT_EQ(environment.at("BABILU_TEST_ONLY"), "a=b");
  EXPECT_FALSE(environment.contains("PATH"));
  ::unsetenv("BABILU_TEST_ONLY");
}

}  // namespace
}  // namespace babilu::config
