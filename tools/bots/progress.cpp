#include "tools/bots/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/base/utf8.h"
#include "tools/bots/units.h"

namespace babilu::bots {

namespace {

using namespace std::chrono_literals;

double seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::size_t columns(std::FILE* out) {
  winsize size{};
  const bool known = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

/// So that it fits into a row and the next one can overwrite it.
std::string_view first_columns(std::string_view text, std::size_t width) {
  std::size_t end = 0;
  for (std::size_t column = 0; column < width && end < text.size(); ++column) {
    end += std::max<std::size_t>(utf8_sequence_length(text.substr(end)), 1);
  }
  return text.substr(0, end);
}

}  // namespace

std::string format_progress(const ProgressView& view) {
  std::string line;
  switch (view.stage) {
    case Stage::connect:
      line = fmt::format("connecting: {} of {} bots", view.done, view.planned);
      break;
    case Stage::setup:
      line = fmt::format("setting up: {} of {} bots have what they need", view.done, view.planned);
      break;
    case Stage::load:
      line = fmt::format("load: {:.0f} of {:.0f} s", seconds(view.elapsed), seconds(view.duration));
      if (view.requests == 0) break;
      line += fmt::format(", {} requests, {:.0f}/s", format_count(view.requests), view.per_second);
      if (view.p99_ns == 0) break;
      line += fmt::format(", p50 {}, p99 {}", format_time(view.p50_ns), format_time(view.p99_ns));
      break;
    case Stage::check:
      line = "checking";
      if (view.planned == 0) break;
      line += fmt::format(": {} of {}", format_count(view.done), format_count(view.planned));
      break;
  }
  if (view.failed > 0) line += fmt::format(", {} failed", format_count(view.failed));
  if (view.wrong > 0) line += fmt::format(", {} WRONG", format_count(view.wrong));
  return line;
}

TerminalProgress::TerminalProgress(std::FILE* out)
    : TerminalProgress(out, isatty(fileno(out)) == 1) {}

/// A display that cannot be written is no reason to end a run.
void TerminalProgress::say(const std::string& text) {
  std::fputs(text.c_str(), out_);
  std::fflush(out_);
}

void TerminalProgress::update(const ProgressView& view) {
  const std::string line = format_progress(view);
  const bool new_stage = !began_ || view.stage != stage_;
  began_ = true;
  stage_ = view.stage;
  if (terminal_) {
    say(fmt::format("\r\033[K{}", first_columns(line, columns(out_) - 1)));
  } else if (new_stage || view.elapsed >= next_line_) {
    next_line_ = view.elapsed + 5s;
    say(line + "\n");
  }
}

void TerminalProgress::done() {
  if (terminal_ && began_) say("\r\033[K");
}

}  // namespace babilu::bots
