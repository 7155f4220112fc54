#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace babilu::bots {

/// Where a report will go. Opened before the load, so that a place that cannot be written is known
/// then; whoever reads the file sees the old one or the whole new one, never a part.
///
/// A regular file is replaced by one of the same folder; a device, a pipe and "-" (the standard
/// output) are written to. Not committed: everything is as it was.
class ReportFile {
 public:
  /// The error says what is wrong with the place, for people.
  static boost::system::result<ReportFile, std::string> open(const std::string& path);

  ReportFile(ReportFile&& other) noexcept;
  ReportFile& operator=(ReportFile&&) = delete;
  ~ReportFile();

  /// Once. Returns what went wrong, or an empty text.
  std::string commit(std::string_view content);

 private:
  ReportFile(int file, std::filesystem::path place, std::filesystem::path temporary)
      : file_(file), place_(std::move(place)), temporary_(std::move(temporary)) {}

  int file_;
  std::filesystem::path place_;
  std::filesystem::path temporary_;  ///< empty where nothing is replaced
};

}  // namespace babilu::bots
