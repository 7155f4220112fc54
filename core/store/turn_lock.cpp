#include "core/store/turn_lock.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace babilu::store {

namespace {

constexpr int turn_byte = 0;
constexpr int line_byte = 1;
constexpr int presence_byte = 2;
constexpr off_t note_begin = 64;
constexpr std::size_t mapped_bytes = sizeof(std::uint32_t);

StoreError failure(const std::filesystem::path& path, int error) {
  const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
  return {forbidden         ? ErrorCode::read_only
          : error == ENOSPC ? ErrorCode::disk_full
                            : ErrorCode::invalid_path,
          path.string() + ": " + std::strerror(error)};
}

}  // namespace

StoreResult<std::unique_ptr<TurnLock>> TurnLock::open(std::filesystem::path path) {
  std::unique_ptr<TurnLock> lock(new TurnLock(std::move(path)));
  const auto opened = lock->open_file();
  if (!opened) return opened.error();
  return lock;
}

StoreResult<void> TurnLock::open_file() {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) return failure(path_, errno);
  // The mapping needs a page behind it. Everyone writes the same zeros.
  constexpr std::uint32_t nothing = 0;
  if (::pwrite(file_, &nothing, sizeof nothing, 0) != sizeof nothing) return failure(path_, errno);
  void* const page = ::mmap(nullptr, mapped_bytes, PROT_READ, MAP_SHARED, file_, 0);
  if (page == MAP_FAILED) return failure(path_, errno);
  page_ = page;
  lock(presence_byte, F_RDLCK);
  return {};
}

void TurnLock::close_file() noexcept {
  if (page_ != nullptr) ::munmap(page_, mapped_bytes);
  if (file_ >= 0) ::close(file_);  // frees both locks
  page_ = nullptr;
  file_ = -1;
  in_line_ = held_ = false;
}

TurnLock::~TurnLock() {
  if (held_) release();
  close_file();
}

FileId TurnLock::file() const noexcept {
  struct stat status{};
  if (::fstat(file_, &status) != 0) return {};
  return {.device = status.st_dev, .inode = status.st_ino};
}

bool TurnLock::is_at_its_path() const noexcept {
  return file_ >= 0 && file_at(path_) == file();
}

bool TurnLock::alone() const noexcept {
  struct flock region{};
  region.l_type = F_WRLCK;
  region.l_whence = SEEK_SET;
  region.l_start = presence_byte;
  region.l_len = 1;
  return ::fcntl(file_, F_OFD_GETLK, &region) == 0 && region.l_type == F_UNLCK;
}

bool TurnLock::read_note(std::span<std::byte> bytes) const noexcept {
  return ::pread(file_, bytes.data(), bytes.size(), note_begin) ==
         static_cast<ssize_t>(bytes.size());
}

FileId TurnLock::peek_note(const std::filesystem::path& path, std::span<std::byte> bytes) noexcept {
  // Closing it frees no lock of this process: those belong to the open file that took them.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  struct stat status{};
  const bool read =
      ::fstat(file, &status) == 0 &&
      ::pread(file, bytes.data(), bytes.size(), note_begin) == static_cast<ssize_t>(bytes.size());
  ::close(file);
  return read ? FileId{.device = status.st_dev, .inode = status.st_ino} : FileId{};
}

void TurnLock::write_note(std::span<const std::byte> bytes) const noexcept {
  // Without one, nothing is known: as before there were notes.
  if (::pwrite(file_, bytes.data(), bytes.size(), note_begin) < 0) return;
}

void TurnLock::flush_note() const noexcept {
  ::fdatasync(file_);
}

bool TurnLock::lock(int byte, short kind) const noexcept {
  struct flock region{};
  region.l_type = kind;
  region.l_whence = SEEK_SET;
  region.l_start = byte;
  region.l_len = 1;
  return ::fcntl(file_, F_OFD_SETLK, &region) == 0;
}

void TurnLock::unlock(int byte) const noexcept {
  struct flock region{};
  region.l_type = F_UNLCK;
  region.l_whence = SEEK_SET;
  region.l_start = byte;
  region.l_len = 1;
  ::fcntl(file_, F_OFD_SETLK, &region);
}

bool TurnLock::acquire(Time until) {
  assert(!held_);
  for (;;) {
    // Somebody who took the file for a left-over, or away, would otherwise let two write at once.
    if (!is_at_its_path()) {
      close_file();
      if (!open_file()) return false;
    }
    const auto now = std::chrono::steady_clock::now();
    if (!waiting_since_) waiting_since_ = now;
    if (!in_line_) in_line_ = lock(line_byte, F_WRLCK);
    const bool may_take = in_line_ || now >= *waiting_since_ + line_patience;
    if (may_take && lock(turn_byte, F_WRLCK)) break;
    if (now >= until) return false;
    sleep(until);
  }
  withdraw();
  held_ = true;
  return true;
}

void TurnLock::withdraw() noexcept {
  if (in_line_) unlock(line_byte);
  in_line_ = false;
  waiting_since_.reset();
}

void TurnLock::release() noexcept {
  assert(held_);
  unlock(turn_byte);
  held_ = false;
  wake_all();
}

void TurnLock::sleep(Time until) noexcept {
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
      until - std::chrono::steady_clock::now());
  const auto time =
      std::clamp<std::chrono::nanoseconds>(left, std::chrono::microseconds(50), longest_sleep);
  timespec timeout{.tv_sec = 0, .tv_nsec = time.count()};
  ::syscall(SYS_futex, page_, FUTEX_WAIT, 0, &timeout, nullptr, 0);
}

void TurnLock::wake_all() noexcept {
  ::syscall(SYS_futex, page_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace babilu::store
