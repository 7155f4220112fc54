// What a report says, to people and to programs.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "core/wire/envelope.pb.h"
#include "tests/support/status.h"
#include "tools/bots/outcome.h"
#include "tools/bots/progress.h"
#include "tools/bots/recorder.h"
#include "tools/bots/report.h"
#include "tools/bots/units.h"

namespace babilu::bots {
namespace {

using namespace std::chrono_literals;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr rpc::MethodTraits sign_up_traits{0x0201, "registry.SignUp", rpc::MethodKind::mutating};
constexpr rpc::MethodTraits echo_traits{0x0101, "echo.Echo", rpc::MethodKind::idempotent};

Report sample() {
  Recorder recorder;
  recorder.enter(Stage::load);
  for (int i = 1; i <= 100; ++i) recorder.record(echo_traits, {}, i * 1us);
  for (int i = 0; i < 8; ++i) recorder.record(sign_up_traits, {}, 20ms);
  recorder.record(sign_up_traits, test::status(rpc::Code::unavailable, "connection_lost", "gone"),
                  2s);
  recorder.record(sign_up_traits, test::status(rpc::Code::resource_exhausted, "busy", "\"full\"\n"),
                  1us);
  Report report;
  report.config.target = {"127.0.0.1:7400"};
  report.config.sessions = 2;
  report.sessions_connected = report.sessions_ready = 2;
  report.load_seconds = 4;
  recorder.fill(report);
  report.checks.accounts = {.acknowledged = 8, .planned = 8, .checked = 8};
  report.checks.ciphertexts = {.acknowledged = 500, .planned = 100, .checked = 100};
  return report;
}

Struct parse(const std::string& json) {
  Struct parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &parsed);
  EXPECT_TRUE(status.ok()) << status.ToString() << json;
  return parsed;
}

/// The value at "a.b.c".
Value at(const Struct& root, std::string path) {
  Value value;
  *value.mutable_struct_value() = root;
  for (std::size_t dot = 0; dot != std::string::npos;) {
    dot = path.find('.');
    const std::string key = path.substr(0, dot);
    const auto& fields = value.struct_value().fields();
    EXPECT_TRUE(fields.contains(key)) << key;
    if (!fields.contains(key)) return {};
    const Value next = fields.at(key);
    value = next;
    if (dot != std::string::npos) path.erase(0, dot + 1);
  }
  return value;
}

TEST(BotsReport, AddsUp) {
  const Report report = sample();
  EXPECT_EQ(report.requests(), 110u);
  EXPECT_EQ(report.failed(), 2u);
  EXPECT_EQ(report.answered(), 108u);
  EXPECT_EQ(report.unknown(), 1u);
  EXPECT_DOUBLE_EQ(report.throughput(), 27.0);
  EXPECT_EQ(report.checks.acknowledged(), 508u);
  EXPECT_EQ(report.checks.unchecked(), 0u);
  EXPECT_EQ(report.latency().count(), 109u);  // the refusal is not in it, the wait in vain is
  EXPECT_EQ(report.latency().max(), 2'000'000'000u);
}

TEST(BotsReport, JsonHoldsWhatIsPromised) {
  Report report = sample();
  report.checks.lost = 1;
  report.checks.duplicated = 2;
  report.checks.corrupt = 3;
  report.checks.findings = {"lost: \"x\""};
  const Struct json = parse(format_json(report));
  EXPECT_EQ(at(json, "requests.total").number_value(), 110);
  EXPECT_EQ(at(json, "requests.failed").number_value(), 2);
  EXPECT_EQ(at(json, "requests.outcome_unknown").number_value(), 1);
  EXPECT_EQ(at(json, "throughput_per_second").number_value(), 27);
  EXPECT_NEAR(at(json, "latency_us.p50").number_value(), 55, 1);
  EXPECT_NEAR(at(json, "latency_us.p90").number_value(), 99, 2);
  EXPECT_NEAR(at(json, "latency_us.p99").number_value(), 20000, 400);
  EXPECT_EQ(at(json, "latency_us.p999").number_value(), 2e6);
  EXPECT_EQ(at(json, "latency_us.max").number_value(), 2e6);
  EXPECT_EQ(at(json, "checks.acknowledged").number_value(), 508);
  EXPECT_EQ(at(json, "checks.lost").number_value(), 1);
  EXPECT_EQ(at(json, "checks.duplicated").number_value(), 2);
  EXPECT_EQ(at(json, "checks.corrupt").number_value(), 3);
  EXPECT_EQ(at(json, "checks.passed").bool_value(), false);
  EXPECT_EQ(at(json, "checks.ciphertexts.checked").number_value(), 100);
  EXPECT_EQ(at(json, "checks.findings").list_value().values(0).string_value(), "lost: \"x\"");
  EXPECT_EQ(at(json, "scenario").string_value(), "mixed");
  EXPECT_EQ(at(json, "sessions").number_value(), 2);
  EXPECT_EQ(at(json, "duration_seconds").number_value(), 4);
  EXPECT_EQ(at(json, "exit_code").number_value(), 1);
}

TEST(BotsReport, JsonHasEachMethodAndError) {
  const Struct json = parse(format_json(sample()));
  const Struct methods = at(json, "methods").struct_value();
  ASSERT_TRUE(methods.fields().contains("registry.SignUp"));
  const Struct sign_up = methods.fields().at("registry.SignUp").struct_value();
  EXPECT_EQ(at(sign_up, "requests").number_value(), 10);
  EXPECT_EQ(at(sign_up, "failed").number_value(), 2);
  EXPECT_EQ(at(sign_up, "latency_us.count").number_value(), 9);
  const auto errors = at(json, "errors").list_value();
  ASSERT_EQ(errors.values_size(), 2);
  for (const auto& error : errors.values()) {
    const bool busy = at(error.struct_value(), "reason").string_value() == "busy";
    EXPECT_EQ(at(error.struct_value(), "example").string_value(), busy ? "\"full\"\n" : "gone");
    EXPECT_EQ(at(error.struct_value(), "phase").string_value(), "load");
    EXPECT_EQ(at(error.struct_value(), "count").number_value(), 1);
  }
}

TEST(BotsReport, JsonOfNothingIsStillJson) {
  Report report;
  report.unreachable = "nobody";
  const Struct json = parse(format_json(report));
  EXPECT_EQ(at(json, "requests.total").number_value(), 0);
  EXPECT_EQ(at(json, "latency_us.max").number_value(), 0);
  EXPECT_EQ(at(json, "unreachable").string_value(), "nobody");
  EXPECT_EQ(at(json, "exit_code").number_value(), 2);
}

TEST(BotsReport, ExitCodeTellsWhatIsProved) {
  EXPECT_EQ(exit_code(sample()), 0);  // failed requests alone prove nothing wrong
  for (auto count : {&ChecksReport::lost, &ChecksReport::duplicated, &ChecksReport::corrupt}) {
    Report report = sample();
    report.checks.*count = 1;
    EXPECT_EQ(exit_code(report), 1);
  }
  Report unchecked = sample();
  unchecked.checks.accounts.checked = 7;
  EXPECT_EQ(exit_code(unchecked), 1);
  Report strict = sample();
  strict.config.strict = true;
  EXPECT_EQ(exit_code(strict), 1);
  Report idle = sample();
  idle.methods.clear();
  EXPECT_EQ(exit_code(idle), 1);
  idle.unreachable = "nobody";
  EXPECT_EQ(exit_code(idle), 2);
}

TEST(BotsReport, TableIsAligned) {
  const std::string table = format_table(sample());
  std::vector<std::size_t> ends;
  std::size_t begin = table.find("method");
  for (int row = 0; row < 4; ++row) {  // heading, two methods, all
    const std::size_t end = table.find('\n', begin);
    std::size_t columns = 0;
    for (std::size_t i = begin; i < end; ++i) columns += (table[i] & 0xC0) != 0x80;
    ends.push_back(columns);
    begin = end + 1;
  }
  for (const std::size_t columns : ends) EXPECT_EQ(columns, ends[0]) << table;
  EXPECT_LE(ends[0], 100u);
  EXPECT_NE(table.find("500 acknowledged, 100 of them decrypted"), std::string::npos) << table;
  EXPECT_NE(table.find("1  load registry.SignUp unavailable (connection_lost): gone"),
            std::string::npos)
      << table;
}

TEST(BotsReport, TableShowsFindings) {
  Report report = sample();
  report.checks.lost = 1;
  report.checks.findings = {"lost: the account of ada"};
  const std::string table = format_table(report);
  EXPECT_NE(table.find("Checks: FAILED"), std::string::npos);
  const std::string nothing = format_table(Report());
  EXPECT_NE(nothing.find("Checks: nothing was answered, so nothing is proved"), std::string::npos)
      << nothing;
  EXPECT_EQ(exit_code(Report()), 1);
  EXPECT_NE(table.find("lost 1, duplicated 0, corrupt 0, unchecked 0"), std::string::npos);
  EXPECT_NE(table.find("the account of ada"), std::string::npos);
}

const LimitsReport usual{.address = {{1000, 100, 5000}}, .streams = 1024, .frame_bytes = 262'144};

TEST(BotsReport, SaysWhichLimitsHold) {
  Report report = sample();
  report.limits.add(usual);
  report.limits.add(usual);
  const std::string table = format_table(report);
  EXPECT_NE(table.find("\nlimits of this address: 1,000 sessions, 100 handshakes/s, "
                       "5,000 requests/s\n"
                       "limits of a session: 1,024 unanswered requests, frames of 256 KiB\n"),
            std::string::npos)
      << table;
  EXPECT_EQ(table.find("told"), std::string::npos) << table;
  const auto list = at(parse(format_json(report)), "limits").list_value();
  ASSERT_EQ(list.values_size(), 1);
  const Struct limits = list.values(0).struct_value();
  EXPECT_EQ(at(limits, "told_to_sessions").number_value(), 2);
  EXPECT_EQ(at(limits, "of_address.sessions").number_value(), 1000);
  EXPECT_EQ(at(limits, "of_address.handshakes_per_second").number_value(), 100);
  EXPECT_EQ(at(limits, "of_address.requests_per_second").number_value(), 5000);
  EXPECT_EQ(at(limits, "of_session.unanswered_requests").number_value(), 1024);
  EXPECT_EQ(at(limits, "of_session.frame_bytes").number_value(), 262'144);
}

TEST(BotsReport, SaysThatThereAreNoLimitsOrThatNobodySaid) {
  LimitsReport limits = usual;
  limits.address = LimitsReport::Address{};
  EXPECT_TRUE(format_limits(limits).starts_with("limits of this address: none\n"));
  limits.address = LimitsReport::Address{.requests_per_second = 10};
  EXPECT_TRUE(format_limits(limits).starts_with("limits of this address: 10 requests/s\n"));
  limits.address.reset();
  EXPECT_TRUE(format_limits(limits).starts_with("limits of this address: not said\n"));
  Report report = sample();
  report.limits.add(limits);
  const auto list = at(parse(format_json(report)), "limits").list_value();
  ASSERT_EQ(list.values_size(), 1);
  EXPECT_FALSE(list.values(0).struct_value().fields().contains("of_address"));
}

TEST(BotsReport, TellsApartWhatSeveralProxiesSay) {
  Report report = sample();
  for (std::uint32_t i = 0; i < 100; ++i) {
    report.limits.add(usual);
    LimitsReport other = usual;
    other.streams = 1 + i;
    report.limits.add(other);
  }
  EXPECT_LT(report.limits.entries().size(), 20u);
  EXPECT_EQ(report.limits.entries().front().sessions, 100u);
  EXPECT_NE(format_table(report).find("100 sessions told:\nlimits of this address: 1,000"),
            std::string::npos);
}

TEST(BotsLimits, AreReadFromAHello) {
  wire::Hello hello;
  EXPECT_EQ(limits_in(hello), (LimitsReport{.streams = 1024, .frame_bytes = 262'144}));
  hello.set_streams_limit(5);
  hello.set_frame_limit(4096);
  hello.mutable_address_limits();
  EXPECT_EQ(limits_in(hello),
            (LimitsReport{.address = LimitsReport::Address{}, .streams = 5, .frame_bytes = 4096}));
  hello.mutable_address_limits()->set_handshakes_per_second(7);
  EXPECT_EQ(limits_in(hello).address->handshakes_per_second, 7u);
}

TEST(BotsRecorder, CountsTheLoadAlone) {
  Recorder recorder;
  recorder.enter(Stage::setup);
  recorder.record(sign_up_traits, {}, 20ms);
  recorder.record(sign_up_traits, test::status(rpc::Code::resource_exhausted, "busy"), 1ms);
  recorder.enter(Stage::check);
  recorder.record(echo_traits, {}, 1ms);
  Report report;
  recorder.fill(report);
  EXPECT_EQ(report.requests(), 0u);
  EXPECT_TRUE(report.methods.empty());
  EXPECT_EQ(report.setup_requests, 2u);
  EXPECT_EQ(report.setup_failed, 1u);
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(report.errors[0].phase, "setup");
}

TEST(BotsRecorder, KeepsABoundedNumberOfKindsOfErrors) {
  Recorder recorder;
  recorder.enter(Stage::load);
  for (int i = 0; i < 1000; ++i) {
    recorder.record(echo_traits, test::status(rpc::Code::internal, "reason-" + std::to_string(i)),
                    1ms);
  }
  Report report;
  recorder.fill(report);
  EXPECT_LT(report.errors.size(), 100u);
  std::uint64_t total = 0;
  for (const ErrorReport& error : report.errors) total += error.count;
  EXPECT_EQ(total, 1000u);
}

TEST(BotsRecorder, TickHasWhatCameSinceTheLast) {
  Recorder recorder;
  recorder.enter(Stage::load);
  recorder.record(echo_traits, {}, 1ms);
  EXPECT_EQ(recorder.take_tick().requests, 1u);
  recorder.record(echo_traits, {}, 5ms);
  const Recorder::Tick tick = recorder.take_tick();
  EXPECT_EQ(tick.requests, 1u);
  EXPECT_EQ(tick.latency.min(), 5'000'000u);
}

TEST(BotsOutcome, KnowsWhatMayHaveHadItsEffect) {
  EXPECT_TRUE(effect_unknown(rpc::Code::deadline_exceeded));
  EXPECT_TRUE(effect_unknown(rpc::Code::unavailable));
  EXPECT_FALSE(effect_unknown(rpc::Code::resource_exhausted));
  EXPECT_FALSE(effect_unknown(rpc::Code::already_exists));
  EXPECT_TRUE(worth_another_try(rpc::Code::resource_exhausted));
  EXPECT_FALSE(worth_another_try(rpc::Code::unauthenticated));
}

TEST(BotsUnits, HaveThreeDigits) {
  EXPECT_EQ(format_time(0), "0.00 µs");
  EXPECT_EQ(format_time(1'234), "1.23 µs");
  EXPECT_EQ(format_time(87'000), "87.0 µs");
  EXPECT_EQ(format_time(999'400), "999 µs");
  EXPECT_EQ(format_time(999'600), "1.00 ms");
  EXPECT_EQ(format_time(12'345'678), "12.3 ms");
  EXPECT_EQ(format_time(999'700'000), "1.00 s");
  EXPECT_EQ(format_time(123'000'000'000), "123 s");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1'000), "1,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
}

/// What a progress display wrote to a file.
std::string displayed(bool terminal, const std::vector<ProgressView>& views) {
  std::FILE* file = std::tmpfile();
  TerminalProgress progress(file, terminal);
  for (const ProgressView& view : views) progress.update(view);
  progress.done();
  EXPECT_EQ(std::fseek(file, 0, SEEK_SET), 0);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(BotsProgress, WritesALineEachFiveSecondsWhereThereIsNoTerminal) {
  std::vector<ProgressView> views;
  for (int second = 0; second <= 11; ++second) {
    views.push_back({.stage = Stage::load, .elapsed = second * 1s, .duration = 12s});
  }
  views.push_back({.stage = Stage::check, .done = 1, .planned = 2});
  const std::string text = displayed(false, views);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_NE(text.find("checking: 1 of 2"), std::string::npos);
}

TEST(BotsProgress, RewritesOneLineOnATerminal) {
  const std::string text =
      displayed(true, {{.stage = Stage::load, .requests = 5},
                       {.stage = Stage::load, .requests = 10, .failed = 2, .wrong = 1}});
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 3);
  EXPECT_NE(text.find("10 requests"), std::string::npos);
  EXPECT_NE(text.find("2 failed, 1 WRONG"), std::string::npos);
  EXPECT_EQ(text.substr(text.size() - 4), "\r\033[K");
}

TEST(Report, ShowsWhatServersSayWithoutObeyingIt) {
  const std::string escape =
      "\x1B[2J\xC2\x9B"
      "1m";
  Report report = sample();
  report.errors = {
      {"load", "identity.Login", "internal", "reason" + escape, "message" + escape, 1}};
  report.checks.findings = {"the login of ada was refused: " + escape};
  std::string all = format_table(report) + format_json(report);
  EXPECT_NE(all.find("reason␛[2J"), std::string::npos);
  report.unreachable = "cannot connect: " + escape;
  all += format_table(report);
  EXPECT_EQ(all.find('\x1B'), std::string::npos);
  EXPECT_EQ(all.find("\xC2\x9B"), std::string::npos);
}

}  // namespace
}  // namespace babilu::bots
