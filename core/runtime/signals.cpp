#include "core/runtime/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <boost/asio/error.hpp>

namespace babilu {

namespace {

constexpr std::size_t most_signals = 8;

/// A handler may do little more than write(2): the other end of this pipe is read from the loop.
volatile int pipe_writer = -1;

struct Before {
  int number = 0;
  struct sigaction action{};
};
std::array<Before, most_signals> before;

void on_signal(int number) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(number);
  [[maybe_unused]] const auto written = ::write(pipe_writer, &byte, 1);
  errno = saved;
}

int open_pipe() {
  assert(pipe_writer == -1);  // one object at a time
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  pipe_writer = ends[1];
  return ends[0];
}

}  // namespace

namespace {

void change_mask(int how, std::initializer_list<int> numbers) noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : numbers) ::sigaddset(&set, number);
  ::pthread_sigmask(how, &set, nullptr);
}

}  // namespace

void hold_signals() noexcept {
  change_mask(SIG_BLOCK, {SIGINT, SIGTERM, SIGHUP});
}

void release_signals() noexcept {
  change_mask(SIG_UNBLOCK, {SIGINT, SIGTERM, SIGHUP});
}

Signals::Signals(Runtime& runtime, std::initializer_list<int> numbers, Ignored ignored)
    : reader_(runtime, open_pipe()) {
  assert(numbers.size() <= most_signals);
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  auto slot = before.begin();
  for (const int number : numbers) {
    ::sigaction(number, nullptr, &slot->action);
    if (ignored == Ignored::leave && slot->action.sa_handler == SIG_IGN) continue;
    slot->number = number;
    ::sigaction(number, &action, nullptr);
    ++slot;
  }
  change_mask(SIG_UNBLOCK, numbers);
}

Signals::~Signals() {
  for (Before& saved : before) {
    if (saved.number != 0) ::sigaction(saved.number, &saved.action, nullptr);
    saved.number = 0;
  }
  ::close(pipe_writer);
  pipe_writer = -1;
}

task<int> Signals::next() {
  for (;;) {
    unsigned char number = 0;
    const ssize_t got = ::read(reader_.get(), &number, 1);
    if (got == 1) co_return number;
    if (got < 0 && errno == EAGAIN) reader_.read_all();
    const error_code error = co_await reader_.readable();
    if (error) throw boost::system::system_error(boost::asio::error::operation_aborted);
  }
}

}  // namespace babilu
