#include "core/base/output_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace babilu {

namespace fs = std::filesystem;

namespace {

std::error_code last_error() noexcept {
  return {errno, std::generic_category()};
}

std::error_code result_of(int returned) noexcept {
  return returned == 0 ? std::error_code() : last_error();
}

/// The descriptor of this process that a name stands for.
std::optional<int> own_descriptor(std::string_view name) {
  if (name.empty() || name == "-" || name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view directory : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!name.starts_with(directory)) continue;
    int number = -1;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + directory.size(), end, number);
    if (read.ec == std::errc() && read.ptr == end) return number;
  }
  return std::nullopt;
}

bool same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// The output that is this very file: what others wrote there must stay.
std::optional<int> stream_to(const struct stat& file) {
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    struct stat other{};
    if (::fstat(stream, &other) == 0 && same_file(file, other)) return stream;
  }
  return std::nullopt;
}

/// Where an open file is, all links followed; empty where it cannot be told.
fs::path place_of(int file) {
  std::error_code ignored;
  fs::path place = fs::read_symlink("/proc/self/fd/" + std::to_string(file), ignored);
  struct stat there{}, here{};
  const bool found = ::fstat(file, &here) == 0 && ::lstat(place.c_str(), &there) == 0;
  return found && same_file(here, there) ? place : fs::path();
}

/// A new file beside another one, which goes unless it takes that one's place.
class Temporary {
 public:
  explicit Temporary(const fs::path& place)
      : name_((place.parent_path() / ".babilu-XXXXXX").string()),
        file_(::mkostemp(name_.data(), O_CLOEXEC)),
        error_(file_ < 0 ? last_error() : std::error_code()) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (file_ < 0) return;
    ::close(file_);
    if (!taken_) ::unlink(name_.c_str());
  }

  int file() const noexcept { return file_; }
  std::error_code error() const noexcept { return error_; }
  std::error_code take(const fs::path& place) {
    const auto error = result_of(::rename(name_.c_str(), place.c_str()));
    taken_ = !error;
    return error;
  }

 private:
  std::string name_;
  int file_;
  std::error_code error_;
  bool taken_ = false;
};

mode_t usual_permissions() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666U & ~mask;
}

bool keep_owner(int file, const struct stat& of) {
  struct stat now{};
  if (::fstat(file, &now) != 0) return false;
  if (now.st_uid == of.st_uid && now.st_gid == of.st_gid) return true;
  return ::fchown(file, of.st_uid, of.st_gid) == 0;
}

void sync_directory(const fs::path& of) {
  const fs::path directory = of.has_parent_path() ? of.parent_path() : fs::path(".");
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

}  // namespace

std::error_code write_all(int descriptor, ByteView content) noexcept {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written >= 0) {
      content = content.subspan(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd full{descriptor, POLLOUT, 0};
      ::poll(&full, 1, -1);
    } else if (errno != EINTR) {
      return last_error();
    }
  }
  return {};
}

boost::system::result<OutputFile, std::error_code> OutputFile::open(
    const std::string& name, std::optional<mode_t> permissions) {
  const auto stream = [](int number) -> boost::system::result<OutputFile, std::error_code> {
    const int copy = ::fcntl(number, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return last_error();
    return OutputFile(Way::stream, copy, {}, {});
  };
  if (const auto number = own_descriptor(name)) return stream(*number);
  const int file = ::open(name.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0 && errno == ENOENT) return open_new(name, permissions);
  if (file < 0) return last_error();
  OutputFile opened(Way::in_place, file, {}, permissions);
  struct stat found{};
  if (::fstat(file, &found) != 0) return last_error();
  if (!S_ISREG(found.st_mode)) {
    opened.way_ = Way::stream;
    return opened;
  }
  if (const auto number = stream_to(found)) return stream(*number);
  opened.place_ = place_of(file);
  if (opened.place_.empty() || found.st_nlink != 1) return opened;
  if (!Temporary(opened.place_).error()) opened.way_ = Way::replace;
  return opened;
}

boost::system::result<OutputFile, std::error_code> OutputFile::open_new(
    const std::string& name, std::optional<mode_t> permissions) {
  fs::path place = name;
  struct stat link{};
  if (::lstat(name.c_str(), &link) == 0 && S_ISLNK(link.st_mode)) {
    // Whether the link may be followed, and where to, is for the kernel to say.
    const int made = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (made < 0) return last_error();
    place = place_of(made);
    ::close(made);
    if (place.empty()) return std::make_error_code(std::errc::no_such_file_or_directory);
    ::unlink(place.c_str());
  }
  if (const auto error = Temporary(place).error()) return error;
  return OutputFile(Way::replace, -1, std::move(place), permissions);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : way_(other.way_),
      file_(std::exchange(other.file_, -1)),
      place_(std::move(other.place_)),
      permissions_(other.permissions_) {}

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
}

std::error_code OutputFile::commit(ByteView content) {
  if (way_ == Way::stream) return write_all(file_, content);
  if (way_ == Way::in_place) return write_in_place(content);
  bool impossible = false;
  const auto error = replace(content, impossible);
  return impossible && file_ >= 0 ? write_in_place(content) : error;
}

std::error_code OutputFile::replace(ByteView content, bool& impossible) {
  Temporary temporary(place_);
  if (temporary.error()) return temporary.error();
  struct stat before{};
  const bool exists = file_ >= 0 && ::fstat(file_, &before) == 0;
  if (exists && !keep_owner(temporary.file(), before)) {
    impossible = true;
    return last_error();
  }
  const mode_t usual = exists ? before.st_mode & 0777U : usual_permissions();
  auto error = write_all(temporary.file(), content);
  if (!error) error = result_of(::fchmod(temporary.file(), permissions_.value_or(usual)));
  if (!error) error = result_of(::fsync(temporary.file()));
  if (error) return error;
  error = temporary.take(place_);
  // A file that is mounted is busy; others than its owner cannot replace one in /tmp.
  impossible = error == std::errc::device_or_resource_busy ||
               error == std::errc::operation_not_permitted || error == std::errc::permission_denied;
  if (!error) sync_directory(place_);
  return error;
}

std::error_code OutputFile::write_in_place(ByteView content) {
  struct stat before{};
  if (::fstat(file_, &before) != 0) return last_error();
  const bool too_open = permissions_ && (before.st_mode & 0777U & ~*permissions_) != 0;
  if (too_open && ::fchmod(file_, *permissions_) != 0) return last_error();
  auto error = write_all(file_, content);
  if (!error) error = result_of(::ftruncate(file_, static_cast<off_t>(content.size())));
  if (!error) error = result_of(::fsync(file_));
  return error;
}

}  // namespace babilu
