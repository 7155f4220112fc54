#include "tools/babilu/password.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>

#include <boost/scope/unique_fd.hpp>

#include "core/config/secret.h"
#include "core/crypto/secret.h"

namespace babilu::cli {

namespace {

constexpr std::array deadly{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

volatile std::sig_atomic_t arrived = 0;

/// While it lives, what is typed is not shown. A signal that would end the program ends it after
/// the terminal shows again what is typed.
class HiddenInput {
 public:
  explicit HiddenInput(int terminal) : terminal_(terminal) {
    arrived = 0;
    struct sigaction note{};
    note.sa_handler = [](int number) { arrived = number; };  // no SA_RESTART: read() shall return
    for (std::size_t i = 0; i < deadly.size(); ++i) ::sigaction(deadly[i], &note, &before_[i]);
    ::tcgetattr(terminal_, &shown_);
    termios hidden = shown_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(terminal_, TCSAFLUSH, &hidden);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;
  ~HiddenInput() {
    ::tcsetattr(terminal_, TCSAFLUSH, &shown_);
    for (std::size_t i = 0; i < deadly.size(); ++i) ::sigaction(deadly[i], &before_[i], nullptr);
    if (arrived != 0) ::raise(arrived);
  }

 private:
  int terminal_;
  termios shown_{};
  std::array<struct sigaction, deadly.size()> before_{};
};

void say(int terminal, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(terminal, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// A line without its end; nothing at the end of the input.
std::optional<Secret> read_line(int terminal) {
  Secret line;
  std::array<std::uint8_t, 256> buffer{};
  while (arrived == 0) {
    const ssize_t got = ::read(terminal, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    line.insert(line.end(), buffer.begin(), buffer.begin() + got);
    crypto::wipe(buffer);
    if (line.back() != '\n') continue;
    line.pop_back();
    return line;
  }
  return std::nullopt;
}

std::optional<Secret> ask(int terminal, const std::string& prompt) {
  const HiddenInput hidden(terminal);
  say(terminal, prompt);
  auto line = read_line(terminal);
  say(terminal, "\n");
  return line;
}

}  // namespace

boost::system::result<Secret, Problem> obtain_password(const config::SecretSource& configured,
                                                       const std::string& prompt, Asked asked) {
  if (!configured.value.empty()) return configured.value;
  const boost::scope::unique_fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
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
