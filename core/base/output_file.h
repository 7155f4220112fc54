#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <boost/system/result.hpp>

#include "core/base/bytes.h"

namespace babilu {

/// Writes all of it to a descriptor, which may be one that does not block: then it waits.
std::error_code write_all(int descriptor, ByteView content) noexcept;

/// A file that a program writes for somebody. Opened before the work, so that a place that cannot
/// be written is known then; not committed, everything is as it was.
///
/// - "-", an empty name, /dev/stdout and /dev/fd/N are descriptors that the process has: written
///   to where they stand.
/// - A link is followed, by the kernel's rules, also to where nothing is yet.
/// - A regular file is replaced as a whole, so that its reader sees the old one or the new; its
///   permissions and owner stay. Where that cannot be (a directory that cannot be written, a file
///   that is mounted, one with several names, an owner that cannot be kept) it is written in place.
/// - Everything else, a device or a pipe, is written to.
///
/// A file that may not be written is refused, also where its directory would allow to replace it.
/// One thread.
class OutputFile {
 public:
  /// `permissions` are those that the file then has; absent: those that it had, or the usual ones.
  static boost::system::result<OutputFile, std::error_code> open(
      const std::string& name, std::optional<mode_t> permissions = {});

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  /// Once; on disk when it returns.
  std::error_code commit(ByteView content);

 private:
  enum class Way { stream, in_place, replace };
  OutputFile(Way way, int file, std::filesystem::path place, std::optional<mode_t> permissions)
      : way_(way), file_(file), place_(std::move(place)), permissions_(permissions) {}

  static boost::system::result<OutputFile, std::error_code> open_new(
      const std::string& name, std::optional<mode_t> permissions);
  std::error_code replace(ByteView content, bool& impossible);
  std::error_code write_in_place(ByteView content);

  Way way_;
  int file_;                     ///< what is there now; -1 where nothing is
  std::filesystem::path place_;  ///< of what is replaced
  std::optional<mode_t> permissions_;
};

}  // namespace babilu
