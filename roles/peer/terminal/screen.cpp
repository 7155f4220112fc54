#include "roles/peer/terminal/screen.h"

#include <cerrno>
#include <clocale>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

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

bool wants_colours() {
  const char* const no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || no_color[0] == '\0';
}

}  // namespace

void PlainScreen::show(Style style, std::string_view text) {
  if (style == Style::own) return;
  const bool output = style == Style::message || style == Style::answer;
  write_all(output ? STDOUT_FILENO : STDERR_FILENO, std::string(text) + '\n');
}

TerminalScreen::TerminalScreen() : colours_(wants_colours()) {
  // For the width of characters alone.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

TerminalScreen::~TerminalScreen() {
  write_all(STDOUT_FILENO, "\r\x1B[K");
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

void TerminalScreen::show(Style style, std::string_view text) {
  redraw(coloured(style, text) + '\n');
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
  std::string out;
  if (!above.empty()) (out += "\r\x1B[K") += above;
  out += editor_.draw(prompt_, terminal_columns());
  write_all(STDOUT_FILENO, out);
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
