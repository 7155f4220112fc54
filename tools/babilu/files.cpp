#include "tools/babilu/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <boost/scope/unique_fd.hpp>

#include "core/base/output_file.h"

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
    if (content.size() > limit) return too_large(std::string(name), limit);
  }
}

}  // namespace

Problem too_large(const std::string& name, std::size_t limit) {
  return {fmt::format("{} is larger than {} KiB, the most that one call takes",
                      is_standard(name) ? "the standard input" : name, limit / 1024)};
}

boost::system::result<Secret, Problem> read_input(const std::string& name, std::size_t limit) {
  if (is_standard(name)) return read_all(STDIN_FILENO, limit, "the standard input");
  const unique_fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return error_about(name);
  return read_all(file.get(), limit, name);
}

std::optional<Problem> write_output(const std::string& name, ByteView content,
                                    std::optional<unsigned> permissions) {
  auto file = OutputFile::open(name, permissions);
  const std::error_code error = file ? file->commit(content) : file.error();
  if (!error) return std::nullopt;
  return Problem{
      fmt::format("{}: {}", is_standard(name) ? "the standard output" : name, error.message())};
}

bool output_is_terminal(const std::string& name) {
  return is_standard(name) && ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace babilu::cli
