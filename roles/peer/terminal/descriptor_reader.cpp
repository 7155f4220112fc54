#include "roles/peer/terminal/descriptor_reader.h"

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/runtime/condition.h"
#include "core/runtime/runtime.h"

namespace babilu::peer {

namespace {

constexpr std::size_t piece_bytes = 4096;
constexpr int look_every_ms = 250;

}  // namespace

bool may_read(int descriptor) {
  if (::isatty(descriptor) == 0) return true;
  const pid_t foreground = ::tcgetpgrp(descriptor);
  return foreground < 0 || foreground == ::getpgrp();
}

/// Shared with notices that are on their way to the loop.
struct DescriptorReader::State : std::enable_shared_from_this<State> {
  State(Runtime& its_runtime, int its_descriptor)
      : runtime(its_runtime), descriptor(its_descriptor), arrived(its_runtime) {
    if (stop < 0) throw std::system_error(errno, std::system_category(), "eventfd");
  }
  ~State() { ::close(stop); }

  void work();
  bool wait_for_input() const;
  bool hand_over(std::string bytes);

  Runtime& runtime;
  const int descriptor;
  const int stop = ::eventfd(0, EFD_CLOEXEC);
  Condition arrived;

  std::mutex mutex;
  std::condition_variable taken;
  std::string piece;  // empty: taken
  bool ended = false;
  bool stopping = false;
};

/// In the background nothing tells when one is in the foreground again: only looking does.
bool DescriptorReader::State::wait_for_input() const {
  for (;;) {
    const bool readable = may_read(descriptor);
    std::array<pollfd, 2> watched{{{readable ? descriptor : -1, POLLIN, 0}, {stop, POLLIN, 0}}};
    const int ready = ::poll(watched.data(), watched.size(), readable ? -1 : look_every_ms);
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0 && watched[1].revents != 0) return false;
    if (ready > 0 && may_read(descriptor)) return true;
  }
}

/// Waits until the piece before has been taken. False when nobody takes any more.
bool DescriptorReader::State::hand_over(std::string bytes) {
  {
    std::unique_lock lock(mutex);
    taken.wait(lock, [this] { return piece.empty() || stopping; });
    if (stopping) return false;
    ended = bytes.empty();
    piece = std::move(bytes);
  }
  runtime.post([self = shared_from_this()] { self->arrived.notify_all(); });
  return true;
}

void DescriptorReader::State::work() {
  // Who comes to the background in between reads an error instead of being stopped.
  sigset_t no_stop;
  ::sigemptyset(&no_stop);
  ::sigaddset(&no_stop, SIGTTIN);
  ::pthread_sigmask(SIG_BLOCK, &no_stop, nullptr);
  std::array<char, piece_bytes> buffer;
  while (wait_for_input()) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0 && errno == EIO && !may_read(descriptor)) continue;
    const std::size_t size = got > 0 ? static_cast<std::size_t>(got) : 0;
    if (!hand_over({buffer.data(), size}) || size == 0) return;
  }
}

DescriptorReader::DescriptorReader(Runtime& runtime, int descriptor)
    : state_(std::make_shared<State>(runtime, descriptor)),
      thread_([state = state_] { state->work(); }) {}

DescriptorReader::~DescriptorReader() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->taken.notify_all();
  const std::uint64_t one = 1;
  // It can only fail when it has been written 2^64 times.
  [[maybe_unused]] const auto written = ::write(state_->stop, &one, sizeof one);
  thread_.join();
}

task<std::optional<std::string>> DescriptorReader::read() {
  for (;;) {
    {
      std::lock_guard lock(state_->mutex);
      if (!state_->piece.empty()) {
        state_->taken.notify_all();
        co_return std::exchange(state_->piece, {});
      }
      if (state_->ended) co_return std::nullopt;
    }
    co_await state_->arrived.wait();
  }
}

}  // namespace babilu::peer
