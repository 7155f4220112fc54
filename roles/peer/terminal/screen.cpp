#include "roles/peer/terminal/screen.h"

#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/standard_streams.h"
#include "roles/peer/terminal/descriptor_reader.h"

namespace babilu::peer {

namespace {

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;  // nobody is there to be told
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

int terminal_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

constexpr std::string_view begin_bracketed_paste = "\x1B[?2004h";
constexpr std::string_view end_bracketed_paste = "\x1B[?2004l";

bool wants_colours() {
  const char* const no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || no_color[0] == '\0';
}

}  // namespace

void PlainScreen::show(Style style, std::string_view text) {
  if (style == Style::own) return;
  const bool output = style == Style::message || style == Style::answer;
  const std::string line = std::string(text) + '\n';
  if (output) {
    print(line);
  } else {
    print_error(line);
  }
}

TerminalScreen::TerminalScreen() : colours_(wants_colours()) {
  // For the width of characters alone.
  std::setlocale(LC_CTYPE, "C.UTF-8");
}

TerminalScreen::~TerminalScreen() {
  if (may_read(STDIN_FILENO)) give_back();
}

void TerminalScreen::take() {
  held_ = may_read(STDIN_FILENO);
  if (!held_) return;
  if (!before_) ::tcgetattr(STDIN_FILENO, &before_.emplace());
  termios raw = *before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR | IGNCR);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  write_all(STDOUT_FILENO, begin_bracketed_paste);
  drawn_ = {};
  redraw();
}

void TerminalScreen::give_back() {
  if (!std::exchange(held_, false)) return;
  write_all(STDOUT_FILENO, clear_drawing(terminal_columns()) + std::string(end_bracketed_paste));
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
  before_.reset();
}

void TerminalScreen::show(Style style, std::string_view text) {
  const std::string line = coloured(style, text) + '\n';
  if (held_) return redraw(line);
  write_all(STDOUT_FILENO, line);
}

void TerminalScreen::talk_to(std::string_view name) {
  prompt_ = name.empty() ? "> " : "to " + std::string(name) + ": ";
  redraw();
}

void TerminalScreen::type(std::string_view bytes, LineEditor::Listener& listener) {
  editor_.feed(bytes, listener);
  redraw();
}

void TerminalScreen::redraw(std::string_view above) {
  if (!held_) return;
  const int columns = terminal_columns();
  std::string out = clear_drawing(columns);
  out += above;
  drawn_ = editor_.draw(prompt_, columns);
  drawn_on_ = columns;
  out += drawn_.text;
  write_all(STDOUT_FILENO, out);
}

/// When a terminal becomes narrower, it wraps what does not fit any more; the cursor goes with it.
std::string TerminalScreen::clear_drawing(int columns) const {
  std::string out = "\r";
  if (columns < drawn_on_ && drawn_.width > columns) {
    const bool at_the_end = drawn_.cursor == drawn_.width;
    const int rows = (at_the_end ? drawn_.cursor - 1 : drawn_.cursor) / columns;
    if (rows > 0) out += "\x1B[" + std::to_string(rows) + "A";
  }
  return out + "\x1B[J";
}

std::string TerminalScreen::coloured(Style style, std::string_view text) const {
  const char* begin = "";
  switch (style) {
    case Style::message:
      begin = "\x1B[1m";
      break;
    case Style::notice:
      begin = "\x1B[2m";
      break;
    case Style::alarm:
      begin = "\x1B[1;31m";
      break;
    case Style::own:
    case Style::answer:
      break;
  }
  if (!colours_ || *begin == '\0') return std::string(text);
  return begin + std::string(text) + "\x1B[0m";
}

}  // namespace babilu::peer
