#include <clocale>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/runtime/runtime.h"
#include "roles/peer/terminal/command.h"
#include "roles/peer/terminal/descriptor_reader.h"
#include "roles/peer/terminal/display.h"
#include "roles/peer/terminal/line_editor.h"
#include "roles/peer/terminal/line_splitter.h"

namespace babilu::peer {
namespace {

using namespace std::chrono_literals;
using Kind = Command::Kind;

TEST(PeerDisplay, AMessageHasADateAndTheSendersTimeWhereItDiffers) {
  Message message;
  message.kept_at = store::WallTime(24h * 20'000);
  message.sent_at = message.kept_at - 59s;
  EXPECT_EQ(moments(message).substr(0, 16), day_and_time(message.kept_at));
  EXPECT_EQ(moments(message).find("sent"), std::string::npos);
  message.sent_at = message.kept_at - 26h;
  EXPECT_TRUE(moments(message).ends_with(" (sent " + day_and_time(message.sent_at) + ")"));
  message.sent_at = message.kept_at + 1min;
  EXPECT_TRUE(moments(message).ends_with(" (sent " + day_and_time(message.sent_at) + ")"));
}

Command parsed(std::string_view line) {
  return parse_command(line);
}

TEST(PeerCommand, PlainLinesAreSaid) {
  EXPECT_EQ(parsed("hello").kind, Kind::say);
  EXPECT_EQ(parsed("  hello ").text, "  hello ");
  EXPECT_EQ(parsed("hello\r").text, "hello");
  EXPECT_EQ(parsed("//etc/hosts").text, "/etc/hosts");
  EXPECT_EQ(parsed("").kind, Kind::nothing);
  EXPECT_EQ(parsed(" \t\r").kind, Kind::nothing);
}

TEST(PeerCommand, CommandsAreUnderstood) {
  EXPECT_EQ(parsed("/to bob").kind, Kind::talk_to);
  EXPECT_EQ(parsed("/to bob").name, "bob");
  const Command said = parsed("/to bob how  are you? ");
  EXPECT_EQ(said.kind, Kind::say);
  EXPECT_EQ(said.name, "bob");
  EXPECT_EQ(said.text, "how  are you?");
  EXPECT_EQ(parsed("/connect 127.0.0.1:7500").text, "127.0.0.1:7500");
  EXPECT_EQ(parsed("/history").kind, Kind::history);
  EXPECT_EQ(parsed("/history bob").name, "bob");
  EXPECT_EQ(parsed(" /who").kind, Kind::say);  // a command begins the line
  EXPECT_EQ(parsed("/who ").kind, Kind::who);
  EXPECT_EQ(parsed("/quit").kind, Kind::quit);
  EXPECT_EQ(parsed("/help").kind, Kind::help);
  EXPECT_EQ(parsed("/forget bob").kind, Kind::forget);
  EXPECT_EQ(parsed("/fingerprint").kind, Kind::fingerprint);
}

TEST(PeerCommand, WhatIsPastedIsSaid) {
  for (const char* text : {"/quit", "/to bob hello", "one\n/quit\n", "//", "hello"}) {
    EXPECT_EQ(parse_pasted(text).kind, Kind::say);
    EXPECT_EQ(parse_pasted(text).text, text);
  }
  EXPECT_EQ(parse_pasted(" \r\n\t").kind, Kind::nothing);
}

TEST(PeerCommand, MistakesAreNotSent) {
  for (const char* line : {"/", "/nothing", "/to", "/to Bob hello", "/to \x1B[m", "/connect",
                           "/connect a:1 b:2", "/who knows", "/quit now", "/forget"}) {
    EXPECT_EQ(parsed(line).kind, Kind::mistake) << line;
    EXPECT_FALSE(parsed(line).text.empty());
  }
}

std::vector<Line> split(std::vector<std::string> pieces, std::size_t most = 10) {
  std::vector<Line> lines;
  LineSplitter splitter(most);
  const auto take = [&](Line line) { lines.push_back(std::move(line)); };
  for (const std::string& piece : pieces) splitter.feed(piece, take);
  splitter.finish(take);
  return lines;
}

TEST(PeerLineSplitter, SplitsWhateverThePieces) {
  for (const auto& pieces : {std::vector<std::string>{"one\ntwo\n\nthree"},
                             {"o", "ne", "\n", "two\n\nth", "ree"},
                             {"one\ntwo\n\nthree\n"}}) {
    const auto lines = split(pieces);
    ASSERT_EQ(lines.size(), 4u);
    EXPECT_EQ(lines[0].text, "one");
    EXPECT_EQ(lines[2].text, "");
    EXPECT_EQ(lines[3].text, "three");
  }
  EXPECT_TRUE(split({}).empty());
}

TEST(PeerLineSplitter, HoldsNoMoreThanItsLimit) {
  const auto lines = split({"0123456789\n", "0123456789x", std::string(1 << 20, 'x'), "\nok\n"});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_FALSE(lines[0].too_long);
  EXPECT_TRUE(lines[1].too_long);
  EXPECT_EQ(lines[1].text.size(), 10u);
  EXPECT_FALSE(lines[2].too_long);
  EXPECT_EQ(lines[2].text, "ok");
}

class PeerLineEditor : public ::testing::Test, protected LineEditor::Listener {
 protected:
  void on_line(Line line) override {
    lines.push_back(line.text);
    last = std::move(line);
  }
  void on_end() override { ended = true; }
  void SetUp() override { std::setlocale(LC_CTYPE, "C.UTF-8"); }
  void TearDown() override { std::setlocale(LC_CTYPE, "C"); }
  const std::string& type(std::string_view keys) {
    editor.feed(keys, *this);
    return editor.text();
  }

  LineEditor editor;
  std::vector<std::string> lines;
  Line last;
  bool ended = false;
};

TEST_F(PeerLineEditor, TakesLines) {
  type("hello\nworld\r");
  EXPECT_EQ(lines, (std::vector<std::string>{"hello", "world"}));
}

TEST_F(PeerLineEditor, Edits) {
  EXPECT_EQ(type("helo\x1B[Dl"), "hello");
  EXPECT_EQ(type("\x05!"), "hello!");
  EXPECT_EQ(type("\x7F\x7F"), "hell");
  EXPECT_EQ(type("\x01S\x1B[3~"), "Sell");
  EXPECT_EQ(type("\x1B[C\x0B"), "Se");
  EXPECT_EQ(type("\x15"), "");
  EXPECT_EQ(type("two words \x17"), "two ");
  EXPECT_EQ(type("\x1BOH\x1B[1;5Cx"), "txwo ");
}

TEST_F(PeerLineEditor, TreatsCharactersAsWhole) {
  EXPECT_EQ(type("gr\xC3"), "gr");  // half of one
  EXPECT_EQ(type("\xBC\xC3\x9F"), "grüß");
  EXPECT_EQ(type("\x1B[D\x7F"), "grß");
  EXPECT_EQ(type("\x1B[3~"), "gr");
  EXPECT_EQ(type("\xFF\xFE\x80"), "gr");
  EXPECT_EQ(type("!"), "gr!");
}

TEST_F(PeerLineEditor, RemembersLines) {
  type("one\ntwo\ndraft");
  EXPECT_EQ(type("\x1B[A"), "two");
  EXPECT_EQ(type("\x1B[A\x1B[A\x1B[A"), "one");
  EXPECT_EQ(type("\x1B[B\x1B[B\x1B[B"), "");
}

TEST_F(PeerLineEditor, EndsOnControlD) {
  type("x\x04");
  EXPECT_FALSE(ended);
  type("\x15\x04");
  EXPECT_TRUE(ended);
}

TEST_F(PeerLineEditor, IgnoresKeysThatItDoesNotKnow) {
  EXPECT_EQ(type("a\x1B[15~b\x1Bxc\x1B[20~d\x0C"), "abcd");
  EXPECT_EQ(type(std::string("\x1B[") + std::string(100, '1') + "Ae").back(), 'e');
}

TEST_F(PeerLineEditor, TakesNoMoreThanAMessageHolds) {
  EXPECT_EQ(type(std::string(20'000, 'x')).size(), LineEditor::most_bytes);
}

TEST_F(PeerLineEditor, DrawsThePartAroundTheCursor) {
  type("0123456789");
  EXPECT_EQ(editor.draw("> ", 80).text, "\r\x1B[K> 0123456789");
  EXPECT_EQ(editor.draw("> ", 8).text, "\r\x1B[K> 56789");
  type("\x1B[D\x1B[D");
  EXPECT_EQ(editor.draw("> ", 80).text, "\r\x1B[K> 0123456789\x1B[2D");
  type("\x01");
  EXPECT_EQ(editor.draw("> ", 8).text, "\r\x1B[K> 01234\x1B[5D");
  type("\x15\x0B你好");
  EXPECT_EQ(editor.draw("> ", 80).text, "\r\x1B[K> 你好");
  type("\x1B[D");
  EXPECT_EQ(editor.draw("> ", 80).text, "\r\x1B[K> 你好\x1B[2D");
  EXPECT_EQ(editor.draw("> ", 6).text, "\r\x1B[K> 你");  // no room for what is behind it
}

TEST_F(PeerLineEditor, SaysThatALineIsTooLongUntilAllOfItIsGone) {
  type(std::string(20'000, 'x') + "\n");
  EXPECT_TRUE(last.too_long);
  type("\x1B[A");  // nothing that was cut is kept
  EXPECT_EQ(type("short\n"), "");
  EXPECT_FALSE(last.too_long);
  type(std::string(20'000, 'x') + "\x7F\n");
  EXPECT_TRUE(last.too_long);
  type(std::string(20'000, 'x') + "\x15short\n");
  EXPECT_FALSE(last.too_long);
  EXPECT_EQ(last.text, "short");
  type("\x1B[200~" + std::string(20'000, 'x') + "\x1B[201~\n");
  EXPECT_TRUE(last.too_long);
}

TEST_F(PeerLineEditor, TakesAPasteAsItIs) {
  type("\x1B[200~one\r\ntwo\rthree\n\tfour\x1B[A\x04\x15\x1B[201~");
  EXPECT_TRUE(lines.empty());
  EXPECT_FALSE(ended);
  EXPECT_EQ(editor.text(), "one\ntwo\nthree\n\tfour");
  type("!\r");
  EXPECT_EQ(lines, (std::vector<std::string>{"one\ntwo\nthree\n\tfour!"}));
  type("\x1B[200~copied with its end\r\x1B[201~\r");
  EXPECT_EQ(last.text, "copied with its end");
}

TEST_F(PeerLineEditor, KnowsWhetherABeginningWasPasted) {
  const auto pasted = [this](std::string_view keys) {
    type(keys);
    type("\r");
    return last.pasted;
  };
  EXPECT_FALSE(pasted("/quit"));
  EXPECT_TRUE(pasted("\x1B[200~/quit\x1B[201~"));
  EXPECT_FALSE(pasted("/to bob \x1B[200~/quit\x1B[201~"));
  EXPECT_TRUE(pasted("x\x1B[200~/quit\x1B[201~\x01\x1B[3~"));
  EXPECT_TRUE(pasted("\x1B[200~/quit\x1B[201~ now"));
  EXPECT_TRUE(pasted("\x1B[A"));  // that line again
  EXPECT_FALSE(pasted("\x1B[200~x\x1B[201~\x7F/who"));
}

TEST_F(PeerLineEditor, DrawsNothingHarmful) {
  type(
      "a\xE2\x80\xAE"
      "b\xC2\x9B"
      "c");
  EXPECT_EQ(editor.draw("> ", 80).text,
            "\r\x1B[K> a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD"
            "c");
  EXPECT_EQ(editor.draw("> ", 80).cursor, 7);
  EXPECT_EQ(editor.text(),
            "a\xE2\x80\xAE"
            "b\xC2\x9B"
            "c");
  type("\x15\x1B[200~one\ntwo\tthree\x1B[201~");
  EXPECT_EQ(editor.draw("> ", 80).text, "\r\x1B[K> one␤two three");
}

TEST_F(PeerLineEditor, APromptLeavesRoomForTheLine) {
  type("0123456789");
  const std::string prompt = "to " + std::string(64, 'n') + ": ";
  EXPECT_EQ(editor.draw(prompt, 120).text, "\r\x1B[K" + prompt + "0123456789");
  for (const int columns : {90, 80, 40, 20, 10, 5, 3, 2}) {
    EXPECT_LT(editor.draw(prompt, columns).width, columns) << columns;
  }
  EXPECT_EQ(editor.draw(prompt, 20).text, "\r\x1B[Kto nnnnn… 123456789");
}

task<> read_all(DescriptorReader& reader, std::string& all) {
  for (;;) {
    const auto bytes = co_await reader.read();
    if (!bytes) co_return;
    all += *bytes;
  }
}

std::string read_from(int descriptor) {
  Runtime runtime;
  DescriptorReader reader(runtime, descriptor);
  std::string all;
  runtime.run(read_all(reader, all));
  return all;
}

TEST(PeerDescriptorReader, ReadsPipesToTheirEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string text(20'000, 'x');
  ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(ends[1]);
  EXPECT_EQ(read_from(ends[0]), text);
  ::close(ends[0]);
}

TEST(PeerDescriptorReader, ReadsFilesAndNothing) {
  const int file = ::open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
  EXPECT_FALSE(read_from(file).empty());
  ::close(file);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(read_from(null), "");
  ::close(null);
}

task<> nothing() {
  co_return;
}

TEST(PeerDescriptorReader, EndsWhileItWaits) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    Runtime runtime;
    DescriptorReader reader(runtime, ends[0]);
    runtime.run(nothing());
  }
  {
    // And while nobody takes what it has read.
    ASSERT_EQ(::write(ends[1], "x", 1), 1);
    Runtime runtime;
    DescriptorReader reader(runtime, ends[0]);
    runtime.run(nothing());
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace babilu::peer
