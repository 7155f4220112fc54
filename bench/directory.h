#pragma once

#include <filesystem>

namespace babilu::bench {

/// A directory of the benchmark's own, gone afterwards.
class Directory {
 public:
  Directory();
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  /// Credentials of a whole stack in it, made anew.
  std::filesystem::path make_certificates() const;

 private:
  std::filesystem::path path_;
};

}  // namespace babilu::bench
