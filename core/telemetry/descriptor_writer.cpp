#include "core/telemetry/descriptor_writer.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace babilu::telemetry {

namespace {

/// Keeps a write to a pipe without a reader from ending the process, in this thread and for this
/// write alone: what the process does with SIGPIPE elsewhere is not a log's to decide.
class NoSigpipe {
 public:
  NoSigpipe() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    const timespec no_time{};
    if (raised_ && !was_pending_) {
      while (sigtimedwait(&pipe_, nullptr, &no_time) == -1 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  void raised() noexcept { raised_ = true; }

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
  bool raised_ = false;
};

/// Whether the descriptor takes PIPE_BUF bytes at once: what POLLOUT means for a pipe.
bool takes_more(int descriptor) noexcept {
  pollfd wanted{descriptor, POLLOUT, 0};
  return poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLOUT) != 0;
}

ssize_t write_without_signal(int descriptor, std::string_view text) noexcept {
  NoSigpipe guard;
  const ssize_t written = ::write(descriptor, text.data(), text.size());
  const int error = errno;
  if (written < 0 && error == EPIPE) guard.raised();
  errno = error;
  return written;
}

}  // namespace

long DescriptorWriter::write_some(std::string_view text) noexcept {
  if (may_be_socket_) {
    // A socket (journald's) may have less room than POLLOUT suggests, but can be told not to wait.
    const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK) return sent;
    may_be_socket_ = false;
  }
  if (!takes_more(descriptor_)) {
    errno = EAGAIN;
    return -1;
  }
  return write_without_signal(descriptor_, text.substr(0, PIPE_BUF));
}

bool DescriptorWriter::write_all(std::string_view text, std::size_t& done) noexcept {
  int interrupted = 0;
  while (done < text.size()) {
    const long written = write_some(text.substr(done));
    if (written > 0) {
      done += static_cast<std::size_t>(written);
    } else if (written == 0 || errno != EINTR || ++interrupted > 16) {
      return false;
    }
  }
  return true;
}

bool DescriptorWriter::write(std::string_view line) {
  // In one write with the line, so that the newline takes no room of its own from it.
  const std::string after_cut = cut_ ? "\n" + std::string(line) : std::string();
  std::size_t done = 0;
  const bool whole = write_all(cut_ ? std::string_view(after_cut) : line, done);
  if (done > 0) cut_ = !whole;
  return whole;
}

}  // namespace babilu::telemetry
