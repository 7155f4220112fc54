#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/integration/support/process.h"

namespace babilu::testing {

/// The person's side of a terminal. Waits at most a minute.
class Terminal {
 public:
  Terminal() : ours_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(ours_);
    ::unlockpt(ours_);
    theirs_ = ::open(::ptsname(ours_), O_RDWR | O_NOCTTY | O_CLOEXEC);  // keeps it open
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    ::close(theirs_);
    ::close(ours_);
  }

  std::string path() const { return ::ptsname(ours_); }
  void type(std::string_view text) {
    EXPECT_EQ(::write(ours_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// All that was shown until this appeared.
  const std::string& until(std::string_view text) {
    while (shown_.find(text, seen_) == std::string::npos) {
      pollfd entry{ours_, POLLIN, 0};
      char buffer[256];
      const ssize_t got = ::poll(&entry, 1, 60'000) == 1 ? ::read(ours_, buffer, sizeof buffer) : 0;
      if (got <= 0) throw std::runtime_error("the terminal shows only: " + shown_);
      shown_.append(buffer, static_cast<std::size_t>(got));
    }
    seen_ = shown_.find(text, seen_) + text.size();
    return shown_;
  }
  void show_what_is_typed() {
    termios state{};
    ::tcgetattr(ours_, &state);
    state.c_lflag |= ECHO;
    ::tcsetattr(ours_, TCSANOW, &state);
  }
  /// Whoever sits in front of it is told.
  void resize(unsigned short columns) {
    const winsize size{24, columns, 0, 0};
    ::ioctl(ours_, TIOCSWINSZ, &size);
  }
  /// A shell with job control, whose prompt is "ready> ". The plainest one: it restores nothing.
  Process shell(const Environment& more = {}) {
    Environment environment = more;
    environment.insert({{"PS1", "ready> "}, {"TERM", "xterm"}});
    return Process({.arguments = {"-i"},
                    .program = "/bin/sh",
                    .environment = environment,
                    .terminal = path(),
                    .talks_to_terminal = true});
  }
  bool shows_what_is_typed() const {
    termios state{};
    ::tcgetattr(ours_, &state);
    return (state.c_lflag & ECHO) != 0;
  }

 private:
  int ours_;
  int theirs_;
  std::string shown_;
  std::size_t seen_ = 0;
};

}  // namespace babilu::testing
