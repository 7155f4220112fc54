#include "core/telemetry/open_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <iterator>
#include <utility>

namespace babilu::telemetry {

namespace {

constexpr auto directory = "/proc/self/fd";

}  // namespace

std::optional<std::size_t> OpenFiles::count_at_once() {
  struct stat found{};
  // Older kernels say 0.
  if (::stat(directory, &found) != 0 || found.st_size <= 0) return std::nullopt;
  return static_cast<std::size_t>(found.st_size);
}

std::optional<std::size_t> OpenFiles::count_one_by_one() {
  std::error_code error;
  std::size_t count = 0;
  for (std::filesystem::directory_iterator entry(directory, error);
       entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++count;
  }
  // One of them is the one that reads the directory.
  if (error || count == 0) return std::nullopt;
  return count - 1;
}

OpenFiles::OpenFiles(Source quick, Source slow)
    : quick_(std::move(quick)), slow_(std::move(slow)) {}

OpenFiles::~OpenFiles() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<std::size_t> OpenFiles::count() {
  if (const auto known = quick_()) return known;
  std::lock_guard lock(mutex_);
  wanted_ = true;
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  wake_.notify_all();
  return last_;
}

void OpenFiles::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return closing_ || wanted_; });
    if (closing_) return;
    wanted_ = false;
    lock.unlock();
    const auto counted = slow_();
    lock.lock();
    last_ = counted;
  }
}

}  // namespace babilu::telemetry
