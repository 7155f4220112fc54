#include "core/tls/new_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace babilu::tls {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, int reason) {
  throw fs::filesystem_error("credentials", path, std::error_code(reason, std::generic_category()));
}

/// A file descriptor that is closed.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, mode_t mode = 0)
      : path_(path), number_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (number_ < 0) fail(path_, errno);
  }
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(number_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) fail(path_, errno);
      if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void sync() {
    if (::fsync(number_) != 0) fail(path_, errno);
  }

 private:
  const fs::path path_;
  const int number_;
};

void sync_directory(const fs::path& path) {
  Descriptor(path, O_RDONLY | O_DIRECTORY).sync();
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// A link stays one: what it leads to is what is made or replaced.
fs::path without_links(fs::path path) {
  if (!path.has_filename()) path = path.parent_path();
  return fs::is_symlink(path) ? fs::weakly_canonical(path) : path;
}

}  // namespace

NewDirectory::NewDirectory(fs::path target) : target_(without_links(std::move(target))) {
  if (target_.empty()) fail(target_, EINVAL);
  fs::create_directories(parent_of(target_));
  std::string pattern = target_.string() + ".new-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) fail(target_, errno);
  place_ = pattern;
}

NewDirectory::~NewDirectory() {
  std::error_code ignored;
  if (!place_.empty()) fs::remove_all(place_, ignored);
}

void NewDirectory::add(const fs::path& name, std::string_view content, Readers readers) {
  const fs::path path = place_ / name;
  const fs::path parent = path.parent_path();
  if (parent != place_ && ::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST)
    fail(parent, errno);
  Descriptor file(path, O_CREAT | O_EXCL | O_WRONLY, readers == Readers::owner ? 0600 : 0644);
  file.write(content);
  file.sync();
  sync_directory(parent);
}

void NewDirectory::publish(bool replace) {
  if (::chmod(place_.c_str(), 0755) != 0) fail(place_, errno);
  sync_directory(place_);
  if (::rename(place_.c_str(), target_.c_str()) == 0) {
    place_.clear();
  } else if (replace && (errno == ENOTEMPTY || errno == EEXIST)) {
    exchange();
  } else {
    fail(target_, errno == ENOTEMPTY ? EEXIST : errno);
  }
  sync_directory(parent_of(target_));
}

/// Afterwards the old directory is at place_, for the destructor.
void NewDirectory::exchange() {
  if (::renameat2(AT_FDCWD, place_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
    return;
  }
  // Some file systems cannot exchange. Then there is a moment with no directory in place.
  const fs::path old = place_.string() + ".old";
  fs::rename(target_, old);
  fs::rename(place_, target_);
  place_ = old;
}

}  // namespace babilu::tls
