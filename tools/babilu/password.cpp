#include "tools/babilu/password.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include <boost/scope/unique_fd.hpp>

#include "core/config/secret.h"
#include "core/crypto/secret.h"

namespace babilu::cli {

namespace {

constexpr std::array watched{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};

volatile std::sig_atomic_t ending = 0;
volatile std::sig_atomic_t stopping = 0;
volatile std::sig_atomic_t continued = 0;

void note(int number) {
  if (number == SIGTSTP) {
    stopping = 1;
  } else if (number == SIGCONT) {
    continued = 1;
  } else {
    ending = number;
  }
}

sigset_t set_of(std::initializer_list<int> numbers) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : numbers) ::sigaddset(&set, number);
  return set;
}

/// While it lives, what is typed is not shown. A signal that would end or stop the program does so
/// after the terminal shows again what is typed; when the program goes on, it is hidden again,
/// whatever the shell has made of the terminal meanwhile.
///
/// Signals come only while it waits: none is missed between a look and the wait.
class HiddenInput {
 public:
  explicit HiddenInput(int terminal) : terminal_(terminal) {
    ending = 0;
    stopping = 0;
    continued = 0;
    sigset_t blocked;
    ::sigemptyset(&blocked);
    for (const int number : watched) ::sigaddset(&blocked, number);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &mask_);
    waiting_mask_ = mask_;
    for (const int number : watched) ::sigdelset(&waiting_mask_, number);
    struct sigaction action{};
    action.sa_handler = note;
    for (std::size_t i = 0; i < watched.size(); ++i) {
      ::sigaction(watched[i], &action, &before_[i]);
      const bool ignored = before_[i].sa_handler == SIG_IGN && watched[i] != SIGCONT;
      if (ignored) ::sigaction(watched[i], &before_[i], nullptr);
    }
    ::tcgetattr(terminal_, &shown_);
    hide();
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;
  ~HiddenInput() {
    show();
    for (std::size_t i = 0; i < watched.size(); ++i) ::sigaction(watched[i], &before_[i], nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    if (ending != 0) ::raise(ending);
  }

  enum class Event { readable, resumed, ended };
  Event wait() {
    while (ending == 0) {
      if (stopping != 0) stop();
      if (std::exchange(continued, 0) != 0) {
        hide();
        return Event::resumed;
      }
      pollfd entry{terminal_, POLLIN, 0};
      const int ready = ::ppoll(&entry, 1, nullptr, &waiting_mask_);
      if (ready > 0) return Event::readable;
      if (ready < 0 && errno != EINTR) break;
    }
    return Event::ended;
  }

 private:
  void hide() const {
    termios hidden = shown_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    set(hidden);
  }
  void show() const { set(shown_); }
  /// From the background it stops the program until it may.
  void set(const termios& state) const {
    while (::tcsetattr(terminal_, TCSAFLUSH, &state) != 0 && errno == EINTR) {
    }
  }

  void stop() {
    stopping = 0;
    show();
    struct sigaction standard{};
    struct sigaction ours{};
    standard.sa_handler = SIG_DFL;
    ::sigaction(SIGTSTP, &standard, &ours);
    const sigset_t open = set_of({SIGTSTP, SIGCONT});
    ::pthread_sigmask(SIG_UNBLOCK, &open, nullptr);
    ::raise(SIGTSTP);  // returns when the program goes on
    ::pthread_sigmask(SIG_BLOCK, &open, nullptr);
    ::sigaction(SIGTSTP, &ours, nullptr);
    continued = 1;
  }

  int terminal_;
  termios shown_{};
  sigset_t mask_{};
  sigset_t waiting_mask_{};
  std::array<struct sigaction, watched.size()> before_{};
};

void say(int terminal, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(terminal, text.data(), text.size());
    pollfd entry{terminal, POLLOUT, 0};
    if (written < 0 && errno == EAGAIN && ::poll(&entry, 1, -1) == 1) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Takes what has been typed; true when the line is whole, without its end then.
bool read_piece(int terminal, Secret& line, bool& ended) {
  std::array<std::uint8_t, 256> buffer{};
  const ssize_t got = ::read(terminal, buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  ended = got <= 0;
  if (ended) return false;
  line.insert(line.end(), buffer.begin(), buffer.begin() + got);
  crypto::wipe(buffer);
  if (line.back() != '\n') return false;
  line.pop_back();
  return true;
}

/// A line that is typed; nothing at the end of the input.
std::optional<Secret> ask(int terminal, const std::string& prompt) {
  HiddenInput hidden(terminal);
  say(terminal, prompt);
  Secret line;
  bool whole = false;
  bool ended = false;
  while (!whole && !ended) {
    switch (hidden.wait()) {
      case HiddenInput::Event::readable:
        whole = read_piece(terminal, line, ended);
        break;
      case HiddenInput::Event::resumed:
        line.clear();
        say(terminal, "\r" + prompt);
        break;
      case HiddenInput::Event::ended:
        ended = true;
        break;
    }
  }
  say(terminal, "\n");
  if (!whole) return std::nullopt;
  return line;
}

}  // namespace

boost::system::result<Secret, Problem> obtain_password(const config::SecretSource& configured,
                                                       const std::string& prompt, Asked asked) {
  if (!configured.value.empty()) return configured.value;
  const boost::scope::unique_fd terminal(
      ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!terminal) {
    return Problem{
        "there is no terminal to ask for the password; give it by --password-file FILE or by the "
        "variable BABILU_PASSWORD"};
  }
  auto password = ask(terminal.get(), prompt + ": ");
  if (!password || password->empty()) return Problem{"no password was typed"};
  if (asked == Asked::once) return std::move(*password);
  const auto again = ask(terminal.get(), prompt + ", again: ");
  if (!again || !crypto::equal(*password, *again))
    return Problem{"the two passwords are not the same"};
  return std::move(*password);
}

}  // namespace babilu::cli
