#pragma once

#include <cstdint>
#include <filesystem>

namespace babilu::store {

/// One file, whatever it is called. Absent when there is none.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool exists() const noexcept { return inode != 0; }
  friend bool operator==(const FileId&, const FileId&) = default;
};
FileId file_at(const std::filesystem::path& path) noexcept;

}  // namespace babilu::store
