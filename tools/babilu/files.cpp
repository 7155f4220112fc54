#include "tools/babilu/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <boost/scope/unique_fd.hpp>

namespace babilu::cli {

namespace {

using boost::scope::unique_fd;

constexpr std::size_t piece = 64 * 1024;

bool is_standard(const std::string& name) {
  return name.empty() || name == "-";
}

Problem error_about(std::string_view name) {
  return {fmt::format("{}: {}", name, std::strerror(errno))};
}

std::optional<Problem> write_all(int file, ByteView content, std::string_view name) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return error_about(name);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return std::nullopt;
}

boost::system::result<Secret, Problem> read_all(int file, std::size_t limit,
                                                std::string_view name) {
  Secret content;
  for (;;) {
    const std::size_t size = content.size();
    content.resize(size + piece);
    const ssize_t got = ::read(file, content.data() + size, piece);
    if (got < 0 && errno != EINTR) return error_about(name);
    content.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return content;
    if (content.size() > limit) {
      return Problem{fmt::format("{} is larger than {} KiB, the most that one call takes", name,
                                 limit / 1024)};
    }
  }
}

unsigned usual_permissions() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666U & ~mask;
}

}  // namespace

boost::system::result<Secret, Problem> read_input(const std::string& name, std::size_t limit) {
  if (is_standard(name)) return read_all(STDIN_FILENO, limit, "the standard input");
  const unique_fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return error_about(name);
  return read_all(file.get(), limit, name);
}

std::optional<Problem> write_output(const std::string& name, ByteView content) {
  if (is_standard(name)) return write_all(STDOUT_FILENO, content, "the standard output");
  struct stat found{};
  const bool exists = ::stat(name.c_str(), &found) == 0;
  if (!exists || S_ISREG(found.st_mode)) {
    return replace_file(name, content, exists ? found.st_mode & 0777U : usual_permissions());
  }
  const unique_fd file(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return error_about(name);
  return write_all(file.get(), content, name);
}

std::optional<Problem> replace_file(const std::filesystem::path& place, ByteView content,
                                    unsigned permissions) {
  std::string temporary = place.string() + ".XXXXXX";
  const unique_fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return error_about(place.string());
  auto problem = write_all(file.get(), content, place.string());
  if (!problem && ::fchmod(file.get(), permissions) != 0) problem = error_about(place.string());
  if (!problem && ::rename(temporary.c_str(), place.c_str()) != 0) {
    problem = error_about(place.string());
  }
  if (problem) ::unlink(temporary.c_str());
  return problem;
}

bool output_is_terminal(const std::string& name) {
  return is_standard(name) && ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace babilu::cli
