#pragma once

#include <cstddef>
#include <string_view>

namespace babilu::telemetry {

/// Writes whole lines to a descriptor that others share, without waiting for a slow reader, without
/// SIGPIPE, and without changing the descriptor's flags (a terminal's are the shell's too).
/// One thread at a time.
class DescriptorWriter {
 public:
  explicit DescriptorWriter(int descriptor) : descriptor_(descriptor) {}

  /// False when the line, or the rest of it, was lost. The line ends with a newline; what follows a
  /// line that was cut begins on a new one.
  bool write(std::string_view line);

 private:
  /// Bytes written, or -1 with errno.
  long write_some(std::string_view text) noexcept;
  bool write_all(std::string_view text, std::size_t& done) noexcept;

  int descriptor_;
  bool may_be_socket_ = true;
  bool cut_ = false;
};

}  // namespace babilu::telemetry
