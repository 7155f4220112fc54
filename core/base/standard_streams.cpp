#include "core/base/standard_streams.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>
#include <tuple>

#include "core/base/harmless.h"
#include "core/base/output_file.h"

namespace babilu {

namespace {

std::atomic<int> first_failure = 0;

/// Much of what is said repeats what others have written, be it the name of a file. Lines stay.
std::string fit_for_a_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    text.remove_prefix(character.size());
    if (character == "\n" || character == "\t") {
      out += character;
    } else {
      append_harmless(out, character);
    }
  }
  return out;
}

/// While it lives, a pipe without a reader is an error of this thread's, and not its end.
class WithoutPipeSignal {
 public:
  WithoutPipeSignal() noexcept {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  WithoutPipeSignal(const WithoutPipeSignal&) = delete;
  WithoutPipeSignal& operator=(const WithoutPipeSignal&) = delete;
  ~WithoutPipeSignal() {
    const timespec at_once{};
    if (!was_pending_) ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

}  // namespace

bool print(std::string_view text) noexcept {
  const auto error = write_all(STDOUT_FILENO, bytes_of(text));
  int none = 0;
  if (error) first_failure.compare_exchange_strong(none, error.value());
  return !error;
}

std::error_code take_output_error() noexcept {
  return {first_failure.exchange(0), std::generic_category()};
}

void print_error(std::string_view text) noexcept {
  const WithoutPipeSignal guard;
  std::ignore = write_all(STDERR_FILENO, bytes_of(fit_for_a_terminal(text)));
}

}  // namespace babilu
