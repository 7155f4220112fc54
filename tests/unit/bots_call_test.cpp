// One bot's requests: what is measured, what is kept, and what is sent again.
#include <gtest/gtest.h>

#include "bots_fake_stack.h"
#include "tests/support/status.h"
#include "tools/bots/call.h"
#include "tools/bots/each.h"
#include "tools/bots/operations.h"
#include "tools/bots/outcome.h"
#include "tools/bots/swarm.h"

namespace babilu::bots {
namespace {

using namespace std::chrono_literals;
using rpc::Code;

std::uint64_t nanoseconds(Clock::duration time) {
  return static_cast<std::uint64_t>(time.count());
}

/// Bots that are connected, against a fake stack.
struct Bench {
  Bench(sim::World& world, FakeStack& its_stack, const BotsConfig& its_config)
      : runtime(world.runtime()),
        stack(its_stack),
        config(its_config),
        server(world, stack),
        stop(runtime),
        swarm(runtime, world.host("bots"), security, config, stop) {}

  task<> connect() {
    for (const auto& bot : swarm.bots) {
      bot->channel.start();
      const rpc::Status status = co_await bot->channel.ready(runtime.now() + 1s);
      EXPECT_TRUE(status.ok()) << status.to_string();
      bot->connected = true;
    }
    swarm.recorder.enter(Stage::load);
  }
  task<> end() {
    for (const auto& bot : swarm.bots) co_await bot->channel.close();
    co_await server.close();
  }
  Report report() {
    Report filled;
    swarm.fill(filled);
    return filled;
  }
  Bot& bot(std::size_t index = 0) { return *swarm.bots[index]; }

  Runtime& runtime;
  FakeStack& stack;
  const BotsConfig config;
  net::Plaintext security;
  FakeServer server;
  Stop stop;
  Swarm swarm;
};

task<> in_bench(sim::World& world, FakeStack& stack, const BotsConfig& config,
                task<> (*test)(Bench&)) {
  Bench bench(world, stack, config);
  co_await bench.connect();
  co_await test(bench);
  co_await bench.end();
}

void run(const BotsConfig& config, task<> (*test)(Bench&)) {
  FakeStack stack;
  sim::World world(1);
  world.run(in_bench(world, stack, config, test));
}

task<> from_when_it_was_meant(Bench& bench) {
  bench.stack.work = 100ms;
  co_await bench.runtime.sleep_for(10s);
  // The loop was held up for 3 s: a user who came on time has waited for all of it.
  const Clock::time_point meant = bench.runtime.now() - 3s;
  const rpc::Status status = co_await perform(bench.swarm, bench.bot(), Operation::echo, meant);
  EXPECT_TRUE(status.ok()) << status.to_string();
  const telemetry::LatencyHistogram latency = bench.report().latency();
  EXPECT_EQ(latency.count(), 1u);
  EXPECT_NEAR(static_cast<double>(latency.max()), 3.1e9, 0.05e9);
}

TEST(BotsCall, LatencyCountsFromWhenARequestWasMeantToBeSent) {
  run(test_config(Scenario::echo, 1), from_when_it_was_meant);
}

task<> meant_mutating(Bench& bench) {
  bench.stack.work = 100ms;
  co_await bench.runtime.sleep_for(10s);
  const Clock::time_point meant = bench.runtime.now() - 3s;
  co_await perform(bench.swarm, bench.bot(), Operation::sign_up, meant);
  const Report report = bench.report();
  EXPECT_EQ(report.latency().count(), 1u) << "a probe is no request of the load";
  EXPECT_NEAR(static_cast<double>(report.latency().max()), 3.1e9, 0.05e9);
  EXPECT_EQ(bench.stack.requests, 2u) << "yet it was sent a second time";
  EXPECT_EQ(report.checks.resent, 1u);
  EXPECT_EQ(report.checks.answered_alike, 1u);
}

TEST(BotsCall, AProbeIsNotMeasured) {
  BotsConfig config = test_config(Scenario::signup, 1);
  config.resend = 1;
  run(config, meant_mutating);
}

task<> gives_up(Bench& bench) {
  bench.stack.work = 10s;
  const auto began = bench.runtime.now();
  const rpc::Status status = co_await perform(bench.swarm, bench.bot(), Operation::echo, began);
  EXPECT_EQ(status.code, Code::deadline_exceeded);
  EXPECT_EQ(bench.runtime.now() - began, 2s);
  const Report report = bench.report();
  EXPECT_EQ(report.failed(), 1u);
  EXPECT_EQ(report.latency().count(), 1u) << "who waited in vain has waited";
  EXPECT_GE(report.latency().max(), nanoseconds(2s) - nanoseconds(50ms));
}

TEST(BotsCall, AWaitInVainIsMeasured) {
  BotsConfig config = test_config(Scenario::echo, 1);
  config.deadline = 2s;
  run(config, gives_up);
}

task<> keeps(Bench& bench) {
  Bot& bot = bench.bot();
  const auto now = bench.runtime.now();
  EXPECT_TRUE((co_await perform(bench.swarm, bot, Operation::sign_up, now)).ok());
  EXPECT_TRUE(bot.account.has_value());
  const Account first = bot.account.value_or(Account());
  EXPECT_TRUE((co_await perform(bench.swarm, bot, Operation::sign_up, now)).ok());
  EXPECT_EQ(bot.account.value().id, first.id) << "its own is the first";
  EXPECT_EQ(bench.swarm.ledger.accounts.offered(), 2u);
  EXPECT_NE(bench.swarm.ledger.accounts.kept()[1].number, first.number);
  EXPECT_TRUE(bot.token.empty());
  EXPECT_TRUE((co_await perform(bench.swarm, bot, Operation::login, now)).ok());
  EXPECT_FALSE(bot.token.empty());
  for (const Operation operation : {Operation::whoami, Operation::encrypt, Operation::decrypt,
                                    Operation::sign, Operation::verify}) {
    EXPECT_TRUE((co_await perform(bench.swarm, bot, operation, now)).ok());
  }
  EXPECT_EQ(bench.swarm.ledger.ciphertexts.offered(), 1u);
  EXPECT_EQ(bench.swarm.ledger.signatures.offered(), 1u);
  EXPECT_EQ(bench.swarm.checks.corrupt, 0u);

  // The stack refuses the token: another login is due.
  bench.stack.forget_tokens_at = bench.runtime.now();
  co_await bench.runtime.sleep_for(1ms);
  const rpc::Status refused = co_await perform(bench.swarm, bot, Operation::encrypt, now);
  EXPECT_EQ(refused.code, Code::unauthenticated);
  EXPECT_TRUE(bot.token.empty());
  EXPECT_EQ(bench.swarm.ledger.ciphertexts.offered(), 1u) << "nothing was acknowledged";
  EXPECT_TRUE((co_await perform(bench.swarm, bot, Operation::login, now)).ok());
  EXPECT_TRUE((co_await perform(bench.swarm, bot, Operation::encrypt, now)).ok());
}

TEST(BotsCall, KeepsWhatTheStackGave) {
  BotsConfig config = test_config(Scenario::mixed, 1);
  config.resend = 0;
  run(config, keeps);
}

task<> insists(Bench& bench) {
  bench.swarm.recorder.enter(Stage::setup);
  bench.stack.swallow_answers = 1;
  const bool ready = co_await set_up(bench.swarm, bench.bot(), bench.runtime.now() + 1min);
  EXPECT_TRUE(ready);
  EXPECT_EQ(bench.stack.accounts(), 1u) << "the same name and key each time";
  EXPECT_EQ(bench.swarm.ledger.accounts.offered(), 1u);
  EXPECT_EQ(bench.swarm.checks.duplicated, 0u);
  EXPECT_FALSE(bench.bot().token.empty());
  const Report report = bench.report();
  EXPECT_EQ(report.setup_requests, 3u);
  EXPECT_EQ(report.setup_failed, 1u);
  EXPECT_EQ(report.requests(), 0u);
}

TEST(BotsCall, InsistsOnTheSameAccountWhileItIsSetUp) {
  BotsConfig config = test_config(Scenario::encrypt, 1);
  config.deadline = 500ms;
  config.resend = 0;
  run(config, insists);
}

task<> insists_as_told(Bench& bench) {
  bench.stack.refusal = test::status(Code::resource_exhausted, "busy", "later");
  bench.stack.refusal.retry_after = 2s;
  const auto began = bench.runtime.now();
  EXPECT_FALSE(co_await set_up(bench.swarm, bench.bot(), began + 9s));
  EXPECT_LE(bench.runtime.now(), began + 9s) << "not beyond the deadline";
  EXPECT_EQ(bench.stack.requests, 5u) << "as it was told: every 2 s";
  bench.stack.refusal = test::status(Code::permission_denied, "no", "never");
  EXPECT_FALSE(co_await set_up(bench.swarm, bench.bot(), bench.runtime.now() + 1h));
  EXPECT_EQ(bench.stack.requests, 6u) << "what will not help is not tried again";
}

TEST(BotsCall, InsistsNoMoreOftenThanItIsTold) {
  BotsConfig config = test_config(Scenario::encrypt, 1);
  config.resend = 0;
  run(config, insists_as_told);
}

task<> other_connections(Bench& bench) {
  EXPECT_EQ(&bench.swarm.neighbour(bench.bot(0)), &bench.bot(1));
  EXPECT_EQ(&bench.swarm.neighbour(bench.bot(2)), &bench.bot(0));
  bench.bot(0).connected = false;
  EXPECT_EQ(&bench.swarm.neighbour(bench.bot(2)), &bench.bot(1));
  bench.bot(1).connected = false;
  EXPECT_EQ(&bench.swarm.neighbour(bench.bot(2)), &bench.bot(2)) << "there is nobody else";
  co_return;
}

TEST(BotsCall, ASecondRequestTakesTheNextConnectionThatIsThere) {
  run(test_config(Scenario::echo, 3), other_connections);
}

task<> both_unanswered(Bench& bench) {
  bench.stack.refusal = test::status(Code::unavailable, "no_backend", "none");
  co_await perform(bench.swarm, bench.bot(), Operation::sign_up, bench.runtime.now());
  co_await perform(bench.swarm, bench.bot(), Operation::sign_up, bench.runtime.now());
  EXPECT_EQ(bench.swarm.checks.duplicated, 0u) << "no answer says nothing";
  EXPECT_EQ(bench.swarm.checks.resent, bench.swarm.checks.resent_unanswered);
  EXPECT_EQ(bench.swarm.checks.answered_alike, 0u);
  EXPECT_GE(bench.swarm.checks.resent, 1u);
}

TEST(BotsCall, TwoRequestsWithoutAnAnswerProveNothing) {
  BotsConfig config = test_config(Scenario::signup, 2);
  config.resend = 1;
  config.deadline = 500ms;
  run(config, both_unanswered);
}

task<> compares(Bench& bench) {
  api::LoginReply one;
  one.set_token("one");
  api::LoginReply two;
  two.set_token("two");
  using Answer = rpc::Outcome<api::LoginReply>;
  const Answer silent = test::status(Code::deadline_exceeded, "deadline");
  const Answer refused = test::status(Code::not_found, "nobody");
  const ChecksReport& checks = bench.swarm.checks;
  compare_answers<api::LoginReply>(bench.swarm, "login", one, one);
  EXPECT_EQ(checks.answered_alike, 1u);
  compare_answers<api::LoginReply>(bench.swarm, "login", one, silent);
  compare_answers<api::LoginReply>(bench.swarm, "login", silent, one);
  EXPECT_EQ(checks.resent_unanswered, 2u) << "no answer is no other answer";
  EXPECT_EQ(checks.duplicated, 0u);
  compare_answers<api::LoginReply>(bench.swarm, "login", one, two);
  EXPECT_EQ(checks.duplicated, 1u);
  compare_answers<api::LoginReply>(bench.swarm, "login", one, refused);
  compare_answers<api::LoginReply>(bench.swarm, "login", refused, one);
  EXPECT_EQ(checks.duplicated, 3u) << "once ok and once refused are two answers";
  EXPECT_EQ(checks.answered_alike, 1u);
  EXPECT_EQ(checks.resent, 6u);
  co_return;
}

TEST(BotsCall, OneKeyHasOneAnswerOrNone) {
  run(test_config(Scenario::echo, 1), compares);
}

task<> second_answer(Bench& bench) {
  const auto now = bench.runtime.now();
  EXPECT_TRUE((co_await perform(bench.swarm, bench.bot(), Operation::sign_up, now)).ok());
  // Of the two that go out at once now only the one over the other connection is answered.
  bench.stack.silent_to = bench.stack.requests_of.begin()->first;
  const rpc::Status status =
      co_await perform(bench.swarm, bench.bot(), Operation::sign_up, bench.runtime.now());
  EXPECT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(bench.swarm.ledger.accounts.offered(), 2u) << "it was acknowledged all the same";
  EXPECT_EQ(bench.report().failed(), 1u) << "yet it was a request that failed";
}

TEST(BotsCall, IfOnlyTheSecondIsAnsweredThatIsTheAnswer) {
  BotsConfig config = test_config(Scenario::signup, 2);
  config.resend = 1;
  config.deadline = 500ms;
  run(config, second_answer);
}

task<> lied_to(Bench& bench) {
  Bot& bot = bench.bot();
  const auto now = bench.runtime.now();
  for (const Operation operation :
       {Operation::sign_up, Operation::login, Operation::encrypt, Operation::sign}) {
    EXPECT_TRUE((co_await perform(bench.swarm, bot, operation, now)).ok());
  }
  Lies& lies = bench.stack.lies;
  lies.confuse_logins = lies.decrypt_wrongly = lies.sign_wrongly = lies.tell_of_another = true;
  std::uint64_t corrupt = 0;
  for (const Operation operation :
       {Operation::login, Operation::decrypt, Operation::sign, Operation::whoami}) {
    const rpc::Status status = co_await perform(bench.swarm, bot, operation, now);
    EXPECT_EQ(status.reason, "wrong_answer") << static_cast<int>(operation);
    EXPECT_EQ(bench.swarm.checks.corrupt, ++corrupt) << static_cast<int>(operation);
  }
  for (const bool yes : {true, false}) {
    lies.verify_everything = yes;
    lies.verify_nothing = !yes;
    int found = 0;
    for (int i = 0; i < 20; ++i) {
      const rpc::Status status = co_await perform(bench.swarm, bot, Operation::verify, now);
      found += status.ok() ? 0 : 1;
    }
    EXPECT_GT(found, 0) << yes;
    EXPECT_LT(found, 20) << yes;
  }
}

TEST(BotsCall, AWrongAnswerIsFoundWhenItComes) {
  BotsConfig config = test_config(Scenario::mixed, 1);
  config.resend = 0;
  run(config, lied_to);
}

TEST(BotsOutcome, ARefusalIsAnAnswer) {
  EXPECT_TRUE(unanswered(test::status(Code::deadline_exceeded, "deadline")));
  EXPECT_TRUE(unanswered(test::status(Code::unavailable, "connection_lost")));
  EXPECT_TRUE(unanswered(test::status(Code::unavailable, "cannot_connect")));
  EXPECT_FALSE(unanswered(test::status(Code::unavailable, "no_backend"))) << "it comes fast";
}

// Load that is refused.

Report refused_for(Clock::duration retry_after, Clock::duration duration) {
  FakeStack stack;
  stack.work = 0us;
  stack.refusal = test::status(Code::resource_exhausted, "busy", "later");
  stack.refusal.retry_after = std::chrono::duration_cast<std::chrono::milliseconds>(retry_after);
  BotsConfig config = test_config(Scenario::echo, 1);
  config.duration = duration;
  return run_against(stack, config);
}

TEST(BotsLoadRefused, WaitsAtLeastALittleAndAtMostALittleLonger) {
  const Report unhinted = refused_for(0s, 1s);
  EXPECT_GE(unhinted.requests(), 50u);
  EXPECT_LE(unhinted.requests(), 101u) << "10 ms at least";
  const Report far = refused_for(1h, 21s);
  EXPECT_NEAR(static_cast<double>(far.requests()), 5, 1) << "5 s at most";
  EXPECT_LE(far.load_seconds, 21.1) << "nor beyond the end";
}

TEST(BotsLoadRefused, LogsInAgainWhenItsTokenIsWorthNothing) {
  FakeStack stack;
  stack.forget_tokens_at = Clock::time_point(5s);
  BotsConfig config = test_config(Scenario::encrypt, 2);
  config.duration = 10s;
  config.resend = 0;
  const Report report = run_against(stack, config);
  std::uint64_t logins = 0;
  std::uint64_t failed_encryptions = 0;
  for (const MethodReport& method : report.methods) {
    if (method.name == "identity.Login") logins = method.requests;
    if (method.name == "vault.Encrypt") failed_encryptions = method.failed;
  }
  EXPECT_EQ(logins, 2u);
  EXPECT_EQ(failed_encryptions, 2u);
  EXPECT_EQ(exit_code(report), 0) << format_table(report);
}

TEST(BotsLoadRefused, ChecksWithANewTokenWhenTheOldIsWorthNothing) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::encrypt, 2);
  config.duration = 1s;
  config.resend = 0;
  config.keep = 100;
  stack.work = 1ms;
  stack.forget_tokens_at = Clock::time_point(1020ms);  // the load is over, or nearly so
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.checks.ciphertexts.checked, report.checks.ciphertexts.planned);
  EXPECT_GT(report.checks.ciphertexts.planned, 50u);
  EXPECT_EQ(report.checks.corrupt, 0u);
  EXPECT_EQ(exit_code(report), 0) << format_table(report);
}

TEST(BotsLoadShare, AnOpenLoopUsesEveryConnection) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::echo, 4);
  config.rate = 100;
  config.duration = 2s;
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.requests(), 200u);
  EXPECT_EQ(stack.requests_of.size(), 4u);
  for (const auto& [client, requests] : stack.requests_of) EXPECT_EQ(requests, 50u) << client;
}

class StopsAfterTwoSeconds final : public Progress {
 public:
  explicit StopsAfterTwoSeconds(Stop& stop) : stop_(stop) {}
  void update(const ProgressView& view) override {
    if (view.stage == Stage::load && view.elapsed >= 2s && !std::exchange(done_, true)) {
      stop_.request();
    }
  }

 private:
  Stop& stop_;
  bool done_ = false;
};

TEST(BotsLoadShare, AClosedLoopEndsWhenItIsAskedTo) {
  sim::World world(1);
  Stop stop(world.runtime());
  StopsAfterTwoSeconds progress(stop);
  FakeStack stack;
  BotsConfig config = test_config(Scenario::echo, 3);
  config.duration = 30s;
  Report report;
  world.run(run_in(world, stack, config, progress, stop, report));
  EXPECT_TRUE(report.interrupted);
  EXPECT_LT(report.load_seconds, 3.0);
}

// What only the checks can tell.

Report checked(Lies lies, Scenario scenario) {
  FakeStack stack(lies);
  BotsConfig config = test_config(scenario, 3);
  config.duration = 1s;
  stack.work = 10ms;
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.failed(), 0u) << "the load could not tell";
  EXPECT_EQ(exit_code(report), 1);
  return report;
}

TEST(BotsCheckerFinds, ASignatureThatDoesNotVerify) {
  EXPECT_GT(checked({.sign_wrongly = true}, Scenario::signup).checks.corrupt, 0u);
}

TEST(BotsCheckerFinds, AnAccountThatIsSomebodyElse) {
  EXPECT_GT(checked({.tell_of_another = true}, Scenario::signup).checks.corrupt, 0u);
}

TEST(BotsCheckerFinds, ALostKey) {
  const Report report = checked({.lose_keys = true}, Scenario::encrypt);
  EXPECT_EQ(report.checks.lost, report.checks.ciphertexts.planned);
  EXPECT_GT(report.checks.lost, 0u);
}

TEST(BotsCheckerFinds, AnAccountThatCannotLogIn) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::signup, 3);
  config.duration = 1s;
  config.resend = 0;
  stack.work = 10ms;
  stack.refuse_logins_at = Clock::time_point(1100ms);  // the load is over
  const Report report = run_against(stack, config);
  EXPECT_GT(report.checks.logins.planned, 0u);
  EXPECT_EQ(report.checks.lost, report.checks.logins.planned);
  EXPECT_EQ(exit_code(report), 1);
}

// What is kept, and what is shared.

TEST(BotsReservoir, KeepsAllAndThenAFairSample) {
  QuickRandom random(1);
  Reservoir<int> all(10);
  for (int i = 0; i < 10; ++i) all.offer(i, random);
  EXPECT_EQ(all.kept(), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  int seen[20] = {};
  for (int round = 0; round < 4000; ++round) {
    Reservoir<int> sample(5);
    for (int i = 0; i < 20; ++i) sample.offer(i, random);
    EXPECT_EQ(sample.offered(), 20u);
    ASSERT_EQ(sample.kept().size(), 5u);
    for (const int kept : sample.kept()) ++seen[kept];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 120);
}

TEST(BotsLedger, IsBounded) {
  QuickRandom random(1);
  Ledger few(3, 256);
  Ledger large(1000, 192 * 1024);
  for (int i = 0; i < 1000; ++i) {
    few.ciphertexts.offer({}, random);
    few.signatures.offer({}, random);
    large.ciphertexts.offer({}, random);
  }
  EXPECT_EQ(few.ciphertexts.kept().size(), 3u);
  EXPECT_EQ(few.signatures.kept().size(), 3u);
  EXPECT_NEAR(static_cast<double>(large.ciphertexts.kept().size()), 341, 2) << "64 MiB of them";
}

TEST(BotsNames, AreTheRunsOwn) {
  sim::World world(1);
  Random& random = world.runtime().random();
  const Names one(random, {});
  const Names other(random, {});
  EXPECT_NE(one.name(1, 2), other.name(1, 2));
  EXPECT_NE(one.name(1, 2), one.name(2, 1));
  EXPECT_NE(one.name(1, 2), one.name(1, 3));
  EXPECT_EQ(one.name(1, 2), one.name(1, 2));
  EXPECT_NE(one.password(1, 2), one.password(1, 3));
  EXPECT_NE(one.password(1, 2), one.password(2, 2));
  EXPECT_NE(one.password(1, 2), other.password(1, 2));
  EXPECT_NE(one.choices_of(1), one.choices_of(2));
  const Names seeded(random, 7);
  const Names again(random, 7);
  const Names another(random, 8);
  EXPECT_EQ(seeded.name(1, 2), again.name(1, 2));
  EXPECT_EQ(seeded.password(1, 2), again.password(1, 2));
  EXPECT_EQ(seeded.choices_of(3), again.choices_of(3));
  EXPECT_NE(seeded.name(1, 2), another.name(1, 2));
  EXPECT_NE(seeded.password(1, 2), another.password(1, 2));
}

struct Worked {
  std::vector<std::size_t> order;
  std::size_t now = 0;
  std::size_t most = 0;
  bool known_workers = true;
};

task<> work(Runtime& runtime, Worked& worked, std::size_t worker, std::size_t index) {
  worked.order.push_back(index);
  worked.known_workers = worked.known_workers && worker < 4;
  worked.most = std::max(worked.most, ++worked.now);
  co_await runtime.sleep_for(1ms);
  --worked.now;
}

task<> each(Runtime& runtime, std::size_t count, Worked& worked) {
  co_await for_each_index(runtime, count, 4, [&](std::size_t worker, std::size_t index) {
    return work(runtime, worked, worker, index);
  });
}

TEST(BotsEach, DoesEachOnceInOrderAndNotTooManyAtATime) {
  for (const std::size_t count : {0u, 1u, 3u, 4u, 50u}) {
    sim::World world(1);
    Worked worked;
    world.run(each(world.runtime(), count, worked));
    std::vector<std::size_t> expected(count);
    for (std::size_t i = 0; i < count; ++i) expected[i] = i;
    EXPECT_EQ(worked.order, expected);
    EXPECT_EQ(worked.most, std::min<std::size_t>(count, 4));
    EXPECT_EQ(worked.now, 0u) << "all have ended";
    EXPECT_TRUE(worked.known_workers);
  }
}

}  // namespace
}  // namespace babilu::bots
