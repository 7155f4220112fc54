// Two people's programs that talk, and the terminals in front of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>

#include "tests/integration/support/process.h"
#include "tests/integration/support/temporary_directory.h"
#include "tests/integration/support/terminal.h"

namespace babilu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Chat : public ::testing::Test {
 protected:
  Environment environment() const { return {{"XDG_DATA_HOME", data_.path().string()}}; }
  std::string at() const { return "127.0.0.1:" + std::to_string(port_); }

  std::unique_ptr<Process> listen(const std::string& name = "ada") const {
    auto process = std::make_unique<Process>(
        Command{.arguments = {"peer", "listen", "--name", name, "--at", at()},
                .environment = environment()});
    EXPECT_TRUE(process->says("listening at")) << process->err();
    return process;
  }
  Outcome chat(const std::string& input, std::vector<std::string> more = {},
               const std::string& name = "bob") const {
    std::vector<std::string> arguments{"chat", "--name", name, "--to", at()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run({.arguments = arguments, .environment = environment(), .input = input});
  }
  std::string chat_line() const { return program_path() + " chat --name bob --to " + at(); }
  static bool hears(const Process& process, const std::string& text) {
    return eventually([&] { return process.out().find(text) != std::string::npos; });
  }

  TemporaryDirectory data_;
  std::uint16_t port_ = free_port();
};

TEST_F(Chat, WaitsForWhatWasPendingBefore) {
  {
    const auto ada = listen();
    ASSERT_EQ(chat("hello\n").exit_code, 0);
    ada->signal(SIGTERM);
    ada->wait();
  }
  EXPECT_EQ(chat("one\ntwo\n", {"--deliver", "100ms"}).exit_code, 4);
  const Outcome away = chat("", {"--deliver", "100ms", "--wait", "100ms"});
  EXPECT_EQ(away.exit_code, 4);
  EXPECT_THAT(away.err, HasSubstr("not delivered yet and kept: 2 for ada"));
  const auto ada = listen();
  const Outcome here = chat("");
  EXPECT_EQ(here.exit_code, 0) << here.err;
  EXPECT_THAT(ada->out(), HasSubstr("bob> one"));
  EXPECT_THAT(ada->out(), HasSubstr("bob> two"));
}

TEST_F(Chat, WhatWasPendingBeforeAndHasNotAllArrivedIsAFailure) {
  {
    const auto ada = listen();
    ASSERT_EQ(chat("hello\n").exit_code, 0);
  }
  std::string lines;  // more than ada takes at once
  for (int i = 0; i < 400; ++i) lines += "line\n";
  ASSERT_EQ(chat(lines, {"--deliver", "1ms", "--wait", "1ms"}).exit_code, 4);
  const auto ada = listen();
  const Outcome here = chat("", {"--deliver", "1ms", "--wait", "1m"});
  EXPECT_EQ(here.exit_code, 4) << here.err;
  EXPECT_THAT(here.err, Not(HasSubstr("nobody answers")));
  EXPECT_THAT(here.err, ::testing::ContainsRegex("not delivered yet and kept: [0-9]+ for ada"));
}

TEST_F(Chat, SaysThatNobodyAnswersThoughNothingIsToBeSaid) {
  {
    const auto ada = listen();
    ASSERT_EQ(chat("hello\n").exit_code, 0);
  }
  const Outcome away = chat("", {"--wait", "100ms"});
  EXPECT_EQ(away.exit_code, 4);
  EXPECT_THAT(away.err, HasSubstr("nobody answers"));
}

TEST_F(Chat, SaysThatWhoIsThereIsSilent) {
  const auto ada = listen();
  ada->stop();
  const Outcome silent = chat("", {"--wait", "100ms"});
  EXPECT_EQ(silent.exit_code, 4);
  EXPECT_THAT(silent.err, HasSubstr(at() + ": no word in time"));
}

TEST_F(Chat, WhatIsPendingForOthersIsNoFailure) {
  {
    const auto ada = listen();
    ASSERT_EQ(chat("hello\n").exit_code, 0);
  }
  ASSERT_EQ(chat("for ada\n", {"--deliver", "100ms"}).exit_code, 4);
  const auto carol = listen("carol");
  const Outcome outcome = chat("for carol\n", {"--with", "carol"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("kept: 1 for ada"));
}

TEST_F(Chat, AStrangerHearsNothingThatWasMeantForAnother) {
  Terminal terminal;
  Process shell = terminal.shell(environment());
  terminal.until("ready> ");
  terminal.type(program_path() + " peer listen --name ada --at " + at() + "\n");
  terminal.until("listening at");
  const Outcome stranger = chat("", {"--linger", "100ms"}, "eve");
  EXPECT_EQ(stranger.exit_code, 0) << stranger.err;
  terminal.until("To talk to them: /to eve");
  terminal.until("> ");
  terminal.type("for a friend\r");
  terminal.until("nobody to talk to yet");
}

TEST_F(Chat, AListenerTalksToWhomItWasToldTo) {
  Process ada({.arguments = {"peer", "listen", "--name", "ada", "--at", at(), "--with", "bob"},
               .environment = environment(),
               .input = "for bob\n"});
  ASSERT_TRUE(ada.says("listening at"));
  const Outcome eve = chat("for ada\n", {"--linger", "1s"}, "eve");
  EXPECT_EQ(eve.exit_code, 1) << eve.err;
  EXPECT_THAT(eve.out, Not(HasSubstr("for bob")));
  Process bob({.arguments = {"chat", "--name", "bob", "--to", at(), "--linger", "1m"},
               .environment = environment()});
  EXPECT_TRUE(hears(bob, "ada> for bob")) << ada.err();
}

TEST_F(Chat, KeysWorkAgainAfterAStop) {
  const auto ada = listen();
  Terminal terminal;
  Process shell = terminal.shell(environment());
  terminal.until("ready> ");
  terminal.type(chat_line() + "\n");
  terminal.until("to ada: ");
  terminal.type("one\r");
  ASSERT_TRUE(hears(*ada, "bob> one"));
  terminal.type("\x1A");
  terminal.until("ready> ");
  EXPECT_TRUE(terminal.shows_what_is_typed());
  terminal.type("fg\n");
  terminal.until("to ada: ");
  terminal.type("two\r");
  EXPECT_TRUE(hears(*ada, "bob> two"));
  terminal.type("/quit\r");
  terminal.until("ready> ");
  EXPECT_TRUE(terminal.shows_what_is_typed());
}

TEST_F(Chat, GivesTheTerminalBackHoweverItIsEnded) {
  const auto ada = listen();
  Terminal terminal;
  Process shell = terminal.shell(environment());
  terminal.until("ready> ");
  // Ctrl-C, which asks for an end in order, and Ctrl-\, which asks for one at once.
  for (const char* const key : {"\x03", "\x1C"}) {
    terminal.type(chat_line() + "\n");
    terminal.until("to ada: ");
    EXPECT_FALSE(terminal.shows_what_is_typed());
    terminal.type(key);
    terminal.until("\x1B[?2004l");
    terminal.until("ready> ");
    EXPECT_TRUE(terminal.shows_what_is_typed()) << static_cast<int>(key[0]);
  }
}

TEST_F(Chat, IsTypedToOnceItComesToTheForeground) {
  const auto ada = listen();
  Terminal terminal;
  Process shell = terminal.shell(environment());
  terminal.until("ready> ");
  terminal.type(chat_line() + " &\n");
  terminal.until("ada is here");
  EXPECT_TRUE(terminal.shows_what_is_typed());  // it is the shell's
  terminal.type("fg\n");
  terminal.until("to ada: ");
  terminal.type("hello\r");
  EXPECT_TRUE(hears(*ada, "bob> hello"));
}

TEST_F(Chat, APasteIsOneMessage) {
  const auto ada = listen();
  Terminal terminal;
  Process shell = terminal.shell(environment());
  terminal.until("ready> ");
  terminal.type(chat_line() + "\n");
  EXPECT_THAT(terminal.until("to ada: "), HasSubstr("\x1B[?2004h"));
  terminal.type("\x1B[200~one\rtwo\r/quit\r\x1B[201~\r");
  EXPECT_TRUE(hears(*ada, "bob> one\n         | two\n         | /quit\n"));
  terminal.type("\x1B[200~/quit\x1B[201~\r");
  EXPECT_TRUE(hears(*ada, "bob> /quit\n"));
  terminal.type(std::string(20'000, 'x') + "\r");
  terminal.until("not sent: a line has at most 16384 bytes");
  EXPECT_THAT(ada->out(), Not(HasSubstr("xxx")));
  terminal.type("/quit\r");
  terminal.until("\x1B[?2004l");
}

/// The system cuts a line there.
TEST_F(Chat, ALongLineOnAPlainTerminalIsNotCut) {
  const auto ada = listen();
  Terminal terminal;
  Process shell = terminal.shell({{"XDG_DATA_HOME", data_.path().string()}, {"TERM", "dumb"}});
  terminal.until("ready> ");
  terminal.type(chat_line() + "\n");
  terminal.until("ada is here");
  terminal.type(std::string(5'000, 'x') + "\n");
  terminal.until("not sent: a line has at most 4094 bytes");
  terminal.type("short\n");
  EXPECT_TRUE(hears(*ada, "bob> short"));
  EXPECT_THAT(ada->out(), Not(HasSubstr("xxx")));
}

TEST_F(Chat, ANarrowerTerminalKeepsOnePrompt) {
  const auto ada = listen();
  Terminal terminal;
  Process shell = terminal.shell(environment());
  terminal.until("ready> ");
  terminal.type(chat_line() + "\n");
  terminal.until("to ada: ");
  terminal.type(std::string(60, 'y'));
  terminal.until(std::string(60, 'y'));
  terminal.resize(30);
  terminal.until("\r\x1B[2A\x1B[J");  // 68 columns were three rows
}

}  // namespace
}  // namespace babilu::testing
