#include "core/base/input_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace babilu {

namespace {

class Descriptor {
 public:
  // Without O_NONBLOCK, a named pipe that nobody writes would not even open.
  explicit Descriptor(const std::filesystem::path& path)
      : number_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const noexcept { return number_; }

 private:
  int number_;
};

bool gives_once(int file, const struct stat& status) {
  return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || ::isatty(file) == 1;
}

/// Until there is something, or the other side has closed it.
void wait_for_input(int file) {
  pollfd entry{file, POLLIN, 0};
  sigset_t none;
  ::sigemptyset(&none);
  ::ppoll(&entry, 1, nullptr, &none);
}

std::string size_text(std::size_t limit) {
  constexpr std::size_t kibibyte = 1024, mebibyte = 1024 * 1024;
  const bool large = limit >= mebibyte && limit % mebibyte == 0;
  return std::to_string(limit / (large ? mebibyte : kibibyte)) + (large ? " MiB" : " KiB");
}

}  // namespace

boost::system::result<Secret, std::string> read_file(const std::filesystem::path& path,
                                                     std::size_t limit, Pipes pipes) {
  const Descriptor file(path);
  struct stat status{};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return std::string(std::strerror(errno));
  const bool once = gives_once(file.get(), status);
  if (once && pipes == Pipes::refuse) return std::string("a pipe, which cannot be read again");
  constexpr std::size_t piece = 16 * 1024;
  Secret content;
  for (;;) {
    if (once) wait_for_input(file.get());
    const std::size_t size = content.size();
    content.resize(size + piece);
    const ssize_t got = ::read(file.get(), content.data() + size, piece);
    const int error = errno;
    content.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return content;
    if (got < 0 && error != EINTR && error != EAGAIN) return std::string(std::strerror(error));
    if (content.size() > limit) return "larger than " + size_text(limit);
  }
}

}  // namespace babilu
