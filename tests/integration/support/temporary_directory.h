#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace babilu::testing {

/// A directory that goes with its test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string place = (std::filesystem::temp_directory_path() / "babilu-test-XXXXXX").string();
    if (::mkdtemp(place.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = place;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::filesystem::path& place, std::string_view content) {
  std::ofstream(place, std::ios::binary) << content;
}

inline std::string read_file(const std::filesystem::path& place) {
  std::ifstream in(place, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace babilu::testing
