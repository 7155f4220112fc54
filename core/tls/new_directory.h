#pragma once

#include <filesystem>
#include <string_view>
#include <system_error>

/// A directory that appears with all its files, or not at all; internal to core/tls.
namespace babilu::tls {

/// Throws std::filesystem::filesystem_error. The destructor removes what was not published.
class NewDirectory {
 public:
  explicit NewDirectory(std::filesystem::path target);
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  enum class Readers { everyone, owner };

  /// Adds a file, on disk when it returns. Its directory is made for the owner alone.
  void add(const std::filesystem::path& name, std::string_view content, Readers readers);

  /// Puts the directory in its place. Fails if something but an empty directory is there, unless
  /// `replace`.
  void publish(bool replace);

 private:
  void exchange();

  std::filesystem::path target_;
  std::filesystem::path place_;
};

}  // namespace babilu::tls
