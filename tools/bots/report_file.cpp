#include "tools/bots/report_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace babilu::bots {

namespace fs = std::filesystem;

namespace {

std::string problem(const fs::path& place, int error) {
  return "cannot write the report to " + place.string() + ": " + std::strerror(error);
}

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

boost::system::result<ReportFile, std::string> ReportFile::open(const std::string& path) {
  if (path == "-") {
    const int copy = ::dup(STDOUT_FILENO);
    if (copy < 0) return problem("the standard output", errno);
    return ReportFile(copy, "the standard output", {});
  }
  // Through a link to the file that it leads to, which is the one to replace.
  std::error_code ignored;
  const fs::path found = fs::weakly_canonical(path, ignored);
  const fs::path place = found.empty() ? fs::path(path) : found;
  struct stat status{};
  if (::stat(place.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return problem(path, EISDIR);
    if (::access(place.c_str(), W_OK) != 0) return problem(path, errno);
    if (!S_ISREG(status.st_mode)) {
      const int file = ::open(place.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
      if (file < 0) return problem(path, errno);
      return ReportFile(file, place, {});
    }
  }
  std::string temporary = place.string() + ".XXXXXX";
  const int file = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return problem(path, errno);
  return ReportFile(file, place, temporary);
}

ReportFile::ReportFile(ReportFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      place_(std::move(other.place_)),
      temporary_(std::exchange(other.temporary_, {})) {}

ReportFile::~ReportFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

std::string ReportFile::commit(std::string_view content) {
  if (!write_all(file_, content)) return problem(place_, errno);
  if (temporary_.empty()) return {};
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(file_, 0666 & ~mask) != 0 || ::fsync(file_) != 0 ||
      ::rename(temporary_.c_str(), place_.c_str()) != 0) {
    return problem(place_, errno);
  }
  temporary_.clear();
  return {};
}

}  // namespace babilu::bots
