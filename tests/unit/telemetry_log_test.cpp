#include "core/telemetry/log.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <limits>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <boost/system/error_code.hpp>

#include "core/telemetry/exposition.h"
#include "core/telemetry/log_metrics.h"

namespace babilu::telemetry {
namespace {

using namespace std::chrono_literals;

struct Remote {
  std::string to_string() const { return "192.0.2.1:99"; }
};
enum class Colour { red };
std::string_view to_string(Colour) {
  return "red";
}

template <class T>
constexpr bool can_log = requires(T& value) { field("key", value); };
static_assert(!can_log<Secret> && !can_log<const Secret>);
static_assert(!can_log<Bytes> && !can_log<ByteView>);
static_assert(can_log<std::string> && can_log<const char*> && can_log<int> && can_log<bool>);
static_assert(can_log<std::error_code> && can_log<std::filesystem::path> && can_log<Remote>);

class LogTest : public ::testing::Test {
 protected:
  Log make(LogFormat format = LogFormat::text, LogLevel level = LogLevel::trace) {
    LogOptions options;
    options.format = format;
    options.level = level;
    options.sinks = {
        callback_sink([this](LogLevel, std::string_view line) { lines.emplace_back(line); })};
    options.now = [this] { return now; };
    options.recent = 4;
    options.burst = 3;
    options.window = 10s;
    return Log(std::move(options));
  }

  std::chrono::system_clock::time_point now{1738315800s + 250us};
  std::vector<std::string> lines;
};

TEST_F(LogTest, TextLine) {
  const Log log = make().component("proxy");
  log.info("session opened", field("remote", Remote{}), field("session", 12));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(
      lines[0],
      "2025-01-31T09:30:00.000250Z INFO  proxy session opened remote=192.0.2.1:99 session=12");
  EXPECT_EQ(lines[0].substr(text_level_begin, text_level_end - text_level_begin), "INFO ");
}

TEST_F(LogTest, JsonLine) {
  const Log log = make(LogFormat::json).component("proxy").with(field("link", 3u));
  log.warn("slow", field("took", 1500ms), field("retry", true), field("name", "ada"));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], R"({"time":"2025-01-31T09:30:00.000250Z","level":"warn","component":"proxy",)"
                      R"("message":"slow","link":3,"took":1.5,"retry":true,"name":"ada"})");
}

TEST_F(LogTest, EveryKindOfField) {
  make(LogFormat::json)
      .info("all", field("least", std::numeric_limits<std::int64_t>::min()),
            field("greatest", std::numeric_limits<std::uint64_t>::max()), field("real", 0.1),
            field("none", std::numeric_limits<double>::quiet_NaN()), field("letter", 'x'),
            field("view", std::string_view("v")), field("text", std::string("t")),
            field("path", std::filesystem::path("/tmp/x")),
            field("error", std::make_error_code(std::errc::timed_out)),
            field("colour", Colour::red));
  EXPECT_EQ(lines.at(0).substr(lines[0].find("\"least\"")),
            R"("least":-9223372036854775808,"greatest":18446744073709551615,"real":0.1,)"
            R"("none":"nan","letter":"x","view":"v","text":"t","path":"/tmp/x",)"
            R"("error":"Connection timed out","colour":"red"})");
}

TEST_F(LogTest, AnErrorCodeIsItsMessage) {
  const boost::system::error_code error(EMFILE, boost::system::system_category());
  make(LogFormat::text).warn("cannot accept", field("error", error));
  EXPECT_NE(lines.at(0).find("error=\"Too many open files\""), std::string::npos) << lines[0];
}

TEST_F(LogTest, JsonEscapesWhateverComes) {
  make(LogFormat::json)
      .error(std::string("quote\" back\\ nul\0 esc\x1b", 22), field("bad", "a\xff\xed\xa0\x80z"),
             field("lines", "one\r\n\ttwo\u2028"), field("kept", "žluťoučký 🐎"),
             field("message", "mine"), field("time", 1));
  EXPECT_EQ(lines.at(0),
            R"({"time":"2025-01-31T09:30:00.000250Z","level":"error",)"
            R"("message":"quote\" back\\ nul\u0000 esc\u001b",)"
            "\"bad\":\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\","
            R"("lines":"one\r\n\ttwo\u2028","kept":"žluťoučký 🐎","message_":"mine","time_":1})");
}

TEST_F(LogTest, TextCannotBeForgedOrDriveATerminal) {
  make().info("line\n2025 ERROR forged \x1b[2J \u009b1m \u202e",
              field("name", "x\n2025-01-31 forged=yes"), field("bad key=", "v"), field("empty", ""),
              field("odd", "a\"b=c"));
  EXPECT_EQ(lines.at(0).substr(text_level_end + 1),
            R"(line\n2025 ERROR forged \u001b[2J \u009b1m \u202e)"
            R"( name="x\n2025-01-31 forged=yes" bad_key_=v empty="" odd="a\"b=c")");
}

TEST_F(LogTest, LongTextsAreCutBetweenCharacters) {
  std::string text(1023, 'a');
  text += "žžž";
  make(LogFormat::json).info(std::string(10'000, 'm'), field("text", text));
  EXPECT_LT(lines.at(0).size(), 5500u);
  EXPECT_NE(lines[0].find("aaa…\""), std::string::npos);
  EXPECT_NE(lines[0].find("mmm…\""), std::string::npos);
}

TEST_F(LogTest, LevelsThatAreOffRenderNothing) {
  struct Counted {
    int* rendered;
    std::string to_string() const {
      ++*rendered;
      return "x";
    }
  };
  int rendered = 0;
  Log log = make(LogFormat::text, LogLevel::warn);
  const Log child = log.component("child");
  child.info("no", field("counted", Counted{&rendered}));
  child.limited(LogLevel::debug, "k", "no", field("counted", Counted{&rendered}));
  EXPECT_TRUE(lines.empty());
  EXPECT_EQ(rendered, 0);
  EXPECT_FALSE(child.enabled(LogLevel::info));

  log.set_level(LogLevel::info);  // for its children too
  child.info("yes", field("counted", Counted{&rendered}));
  EXPECT_EQ(lines.size(), 1u);
  EXPECT_EQ(rendered, 1);

  log.set_level(LogLevel::off);
  child.error("no");
  EXPECT_EQ(lines.size(), 1u);
}

TEST_F(LogTest, DefaultLogWritesNothing) {
  Log log;
  log.set_level(LogLevel::trace);
  EXPECT_FALSE(log.enabled(LogLevel::error));
  log.error("nowhere", field("a", 1));
  log.component("c").with(field("b", 2)).limited(LogLevel::error, "k", "nowhere");
  log.report_suppressed();
  EXPECT_TRUE(log.recent().empty());
  EXPECT_EQ(log.statistics().entries[4], 0u);
}

TEST_F(LogTest, ChildrenCarryTheirFields) {
  const Log log = make();
  std::string name = "first";
  const Log child = log.with(field("name", name)).with(field("id", 1));
  name = "changed";
  child.info("x");
  log.info("y");
  EXPECT_TRUE(lines.at(0).ends_with("x name=first id=1")) << lines[0];
  EXPECT_TRUE(lines.at(1).ends_with("y"));
}

TEST_F(LogTest, KeepsTheLastWarningsAndErrors) {
  const Log log = make();
  for (int i = 0; i < 6; ++i) {
    log.info("not kept");
    log.component("c").warn("kept", field("i", i));
  }
  log.error("last");
  const auto recent = log.recent();
  ASSERT_EQ(recent.size(), 4u);
  EXPECT_EQ(recent[0].values.at(0).text, "3");
  EXPECT_EQ(recent[2].values.at(0).text, "5");
  EXPECT_EQ(recent[2].component, "c");
  EXPECT_EQ(recent[3].message, "last");
  EXPECT_EQ(recent[3].level, LogLevel::error);
  EXPECT_EQ(recent[3].time, now);
}

TEST_F(LogTest, LimitsWhatRepeats) {
  const Log log = make();
  const auto bad_frame = [&] { log.limited(LogLevel::warn, "bad frame", "bad frame"); };
  for (int i = 0; i < 8; ++i) bad_frame();
  EXPECT_EQ(lines.size(), 3u);
  log.limited(LogLevel::warn, "other", "another event has its own limit");
  EXPECT_EQ(lines.size(), 4u);
  EXPECT_EQ(log.statistics().suppressed, 5u);

  now += 10s;
  bad_frame();
  EXPECT_TRUE(lines.at(4).ends_with("bad frame suppressed=5")) << lines[4];
  bad_frame();
  EXPECT_TRUE(lines.at(5).ends_with("bad frame"));
}

TEST_F(LogTest, ReportsWhatWasSuppressedLast) {
  const Log log = make();
  for (int i = 0; i < 5; ++i) log.limited(LogLevel::info, "flood", "x");
  log.report_suppressed();
  EXPECT_EQ(lines.size(), 3u);  // its window is not over
  now += 11s;
  log.report_suppressed();
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_TRUE(lines[3].ends_with("entries were suppressed event=flood suppressed=2")) << lines[3];
  log.report_suppressed();
  EXPECT_EQ(lines.size(), 4u);
}

TEST_F(LogTest, LimitSurvivesAClockSetBack) {
  const Log log = make();
  for (int i = 0; i < 5; ++i) log.limited(LogLevel::info, "k", "x");
  now -= 1h;
  log.limited(LogLevel::info, "k", "x");
  EXPECT_EQ(lines.size(), 4u);
}

TEST_F(LogTest, ManyKeysShareOneLimit) {
  const Log log = make();
  for (int i = 0; i < 5000; ++i) log.limited(LogLevel::info, "key " + std::to_string(i), "x");
  EXPECT_EQ(lines.size(), 1024u + 3u);
  EXPECT_EQ(log.statistics().suppressed, 5000u - 1027u);
}

TEST_F(LogTest, IsTheSameForTheSameEvents) {
  const auto run = [this] {
    lines.clear();
    now = std::chrono::system_clock::time_point(1h);
    const Log log = make(LogFormat::json).component("sim");
    for (int i = 0; i < 100; ++i) {
      now += 1ms;
      log.limited(LogLevel::info, i % 2 ? "odd" : "even", "tick", field("i", i));
    }
    now += 1min;
    log.report_suppressed();
    return lines;
  };
  const auto first = run();
  EXPECT_GT(first.size(), 6u);
  EXPECT_EQ(first, run());
}

TEST_F(LogTest, SinkThatThrowsIsCountedAndTold) {
  bool broken = true;
  LogOptions options;
  options.now = [this] { return now; };
  options.sinks = {callback_sink([&](LogLevel, std::string_view line) {
    if (broken) throw std::runtime_error("disk full");
    lines.emplace_back(line);
  })};
  const Log log(std::move(options));
  log.error("one");
  log.info("two");
  EXPECT_EQ(log.statistics().lost, 2u);
  EXPECT_EQ(log.recent().size(), 1u);  // the admin endpoint still has it
  broken = false;
  log.info("three");
  log.info("four");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[0].find("three"), std::string::npos);
  EXPECT_NE(lines[1].find("log lines were lost before this lost=2"), std::string::npos);
  EXPECT_NE(lines[2].find("four"), std::string::npos);
}

TEST_F(LogTest, FieldThatThrowsLosesItsLineOnly) {
  struct Throws {
    std::string to_string() const { throw std::runtime_error("bug"); }
  };
  const Log log = make();
  log.info("lost", field("x", Throws{}));
  log.info("kept");
  EXPECT_EQ(log.statistics().lost, 1u);
  EXPECT_NE(lines.at(0).find("kept"), std::string::npos);
}

TEST_F(LogTest, ThreadsDoNotMixLines) {
  const Log log = make();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 500; ++i) log.warn("m", field("thread", t), field("i", i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines.size(), 2000u);
  EXPECT_EQ(log.statistics().entries[3], 2000u);
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find("WARN  m thread="), text_level_begin) << line;
  }
}

TEST_F(LogTest, ShowsItsFiguresAsMetrics) {
  Metrics metrics;
  const Log log = make();
  const auto kept = register_log_metrics(metrics, log);
  for (int i = 0; i < 4; ++i) log.limited(LogLevel::warn, "k", "x");
  const std::string text = prometheus_text(metrics.snapshot());
  EXPECT_NE(text.find("babilu_log_entries_total{level=\"warn\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("babilu_log_suppressed_total 1\n"), std::string::npos);
  EXPECT_NE(text.find("babilu_log_lost_total 0\n"), std::string::npos);
}

TEST(LogLevels, HaveNames) {
  for (const char* name : {"trace", "debug", "info", "warn", "error", "off"}) {
    ASSERT_TRUE(parse_log_level(name));
    EXPECT_EQ(to_string(*parse_log_level(name)), name);
  }
  EXPECT_FALSE(parse_log_level("INFO"));
  EXPECT_FALSE(parse_log_level(""));
}

TEST(Rfc3339, WritesAnyTime) {
  using std::chrono::system_clock;
  EXPECT_EQ(rfc3339(system_clock::time_point{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(system_clock::time_point(-1us)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(rfc3339(system_clock::time_point(951'782'399s)), "2000-02-28T23:59:59.000000Z");
}

}  // namespace
}  // namespace babilu::telemetry
