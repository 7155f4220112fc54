// The checks must pass for an honest stack and name what a lying one did.
#include <gtest/gtest.h>

#include "bots_fake_stack.h"

namespace babilu::bots {
namespace {

using namespace std::chrono_literals;

std::string first_finding(const Report& report) {
  return report.checks.findings.empty() ? "" : report.checks.findings.front();
}

TEST(BotsChecker, PassesAnHonestStack) {
  for (const Scenario scenario : {Scenario::signup, Scenario::encrypt, Scenario::mixed}) {
    FakeStack stack;
    const Report report = run_against(stack, test_config(scenario, 5));
    EXPECT_EQ(exit_code(report), 0) << to_string(scenario) << "\n" << format_table(report);
    EXPECT_GT(report.checks.acknowledged(), 0u);
    EXPECT_EQ(report.checks.accounts.acknowledged, stack.accounts());
    EXPECT_EQ(report.checks.accounts.checked, report.checks.accounts.acknowledged);
    EXPECT_EQ(report.failed(), 0u);
  }
}

TEST(BotsChecker, LooksAtEverythingThatWasKept) {
  FakeStack stack;
  const Report report = run_against(stack, test_config(Scenario::mixed, 5));
  const ChecksReport& checks = report.checks;
  EXPECT_GT(checks.ciphertexts.acknowledged, 100u);
  EXPECT_EQ(checks.ciphertexts.checked, checks.ciphertexts.acknowledged);
  EXPECT_GT(checks.signatures.acknowledged, 100u);
  EXPECT_EQ(checks.signatures.checked, checks.signatures.acknowledged);
  EXPECT_GT(checks.resent, 0u);
  EXPECT_EQ(checks.answered_alike, checks.resent);
  EXPECT_GT(checks.names_retried, 0u);
  EXPECT_EQ(checks.names_refused, checks.names_retried);
}

TEST(BotsChecker, SaysHowManyLoginsItTried) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::signup, 5);
  config.check_logins = 7;
  const Report report = run_against(stack, config);
  EXPECT_GT(report.checks.accounts.acknowledged, 100u);
  EXPECT_EQ(report.checks.logins.planned, 7u);
  EXPECT_EQ(report.checks.logins.checked, 7u);
  EXPECT_NE(format_table(report).find("7 of them logged in"), std::string::npos);
}

TEST(BotsChecker, KeepsASampleOfTheCiphertexts) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::encrypt, 3);
  config.keep = 50;
  const Report report = run_against(stack, config);
  EXPECT_GT(report.checks.ciphertexts.acknowledged, 50u);
  EXPECT_EQ(report.checks.ciphertexts.planned, 50u);
  EXPECT_EQ(report.checks.ciphertexts.checked, 50u);
  EXPECT_EQ(exit_code(report), 0);
}

TEST(BotsChecker, FindsALostSignUp) {
  FakeStack stack({.lose_every = 10});
  BotsConfig config = test_config(Scenario::signup, 4);
  config.resend = 0;
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.checks.lost, report.checks.accounts.acknowledged / 10);
  EXPECT_GT(report.checks.lost, 0u);
  EXPECT_EQ(report.checks.accounts.checked, report.checks.accounts.acknowledged);
  EXPECT_EQ(exit_code(report), 1);
  EXPECT_NE(first_finding(report).find("does not exist"), std::string::npos);
}

TEST(BotsChecker, FindsAnIdGivenTwice) {
  FakeStack stack({.share_id_every = 10});
  BotsConfig config = test_config(Scenario::signup, 4);
  config.resend = 0;
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.checks.duplicated, report.checks.accounts.acknowledged / 10);
  EXPECT_GT(report.checks.duplicated, 0u);
  EXPECT_EQ(report.checks.lost, 0u);
  EXPECT_EQ(exit_code(report), 1);
}

TEST(BotsChecker, FindsASecondEffectOfOneKey) {
  FakeStack stack({.ignore_keys = true});
  const Report report = run_against(stack, test_config(Scenario::signup, 4));
  EXPECT_GT(report.checks.duplicated, 0u);
  EXPECT_NE(first_finding(report).find("two different answers"), std::string::npos);
  EXPECT_EQ(exit_code(report), 1);
}

TEST(BotsChecker, FindsANameGivenTwice) {
  FakeStack stack({.give_names_twice = true});
  const Report report = run_against(stack, test_config(Scenario::signup, 4));
  EXPECT_EQ(report.checks.names_refused, 0u);
  EXPECT_GE(report.checks.duplicated, report.checks.names_retried);
  EXPECT_GT(report.checks.names_retried, 0u);
  EXPECT_EQ(exit_code(report), 1);
}

TEST(BotsChecker, FindsAWrongPlaintext) {
  FakeStack stack({.decrypt_wrongly = true});
  const Report report = run_against(stack, test_config(Scenario::encrypt, 4));
  EXPECT_EQ(report.checks.corrupt, report.checks.ciphertexts.acknowledged);
  EXPECT_GT(report.checks.corrupt, 0u);
  EXPECT_EQ(report.failed(), 0u);  // only the check can tell
  EXPECT_EQ(exit_code(report), 1);
}

TEST(BotsChecker, FindsACiphertextThatIsRefused) {
  FakeStack stack({.forget_keys = true});
  const Report report = run_against(stack, test_config(Scenario::encrypt, 4));
  EXPECT_EQ(report.checks.corrupt, report.checks.ciphertexts.acknowledged);
  EXPECT_EQ(exit_code(report), 1);
}

TEST(BotsChecker, CountsNoWrongAnswerAsASuccess) {
  FakeStack echo({.echo_wrongly = true});
  const Report echoed = run_against(echo, test_config(Scenario::echo, 2));
  EXPECT_EQ(echoed.failed(), echoed.requests());
  EXPECT_EQ(echoed.checks.corrupt, echoed.requests());
  EXPECT_EQ(exit_code(echoed), 1);

  FakeStack clear({.encrypt_not = true});
  const Report encrypted = run_against(clear, test_config(Scenario::encrypt, 2));
  EXPECT_EQ(encrypted.failed(), encrypted.requests());
  EXPECT_EQ(encrypted.checks.ciphertexts.acknowledged, 0u);
  EXPECT_EQ(exit_code(encrypted), 1);
}

TEST(BotsChecker, FindsAVerifierThatAlwaysSaysYesOrNo) {
  for (const bool yes : {true, false}) {
    FakeStack stack({.verify_everything = yes, .verify_nothing = !yes});
    const Report report = run_against(stack, test_config(Scenario::signup, 2));
    EXPECT_GT(report.checks.corrupt, 0u);
    EXPECT_EQ(exit_code(report), 1);
  }
}

TEST(BotsChecker, FindsALoginAsSomebodyElse) {
  FakeStack stack({.confuse_logins = true});
  const Report report = run_against(stack, test_config(Scenario::signup, 2));
  EXPECT_GT(report.checks.corrupt, 0u);
  EXPECT_EQ(exit_code(report), 1);
}

TEST(BotsChecker, CountsAnUnknownOutcomeApart) {
  FakeStack stack;
  stack.swallow_answers = 6;
  BotsConfig config = test_config(Scenario::signup, 3);
  config.deadline = 500ms;
  config.duration = 1200ms;  // two requests of each bot are swallowed, and then comes one more
  config.resend = 0;
  const Report report = run_against(stack, config);
  EXPECT_EQ(report.unknown(), 6u);
  EXPECT_EQ(report.failed(), 6u);
  EXPECT_EQ(report.checks.accounts.acknowledged + 6, stack.accounts());
  EXPECT_EQ(report.checks.lost, 0u);
  EXPECT_EQ(exit_code(report), 0) << format_table(report);
}

TEST(BotsChecker, SaysWhatItCouldNotCheck) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::signup, 3);
  config.duration = 1s;
  config.check_timeout = 5s;
  stack.stall_from = Clock::time_point(1500ms);  // in the checks
  stack.stall_to = Clock::time_point(1h);
  stack.work = 20ms;
  const Report report = run_against(stack, config);
  EXPECT_GT(report.checks.unchecked(), 0u);
  EXPECT_EQ(report.checks.lost, 0u);
  EXPECT_FALSE(report.checks.passed());
  EXPECT_EQ(exit_code(report), 1);
}

TEST(BotsChecker, GivesUpOnAStackThatIsGone) {
  FakeStack stack;
  BotsConfig config = test_config(Scenario::signup, 3);
  config.duration = 1s;
  config.check_timeout = 1h;
  stack.stall_from = Clock::time_point(1500ms);
  stack.stall_to = Clock::time_point(10h);
  stack.work = 20ms;
  const Report report = run_against(stack, config);
  EXPECT_LT(report.check_seconds, 60);
  EXPECT_GT(report.checks.unchecked(), 0u);
  EXPECT_EQ(exit_code(report), 1);
}

}  // namespace
}  // namespace babilu::bots
