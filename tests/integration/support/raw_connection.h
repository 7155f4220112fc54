#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace babilu::testing {

/// A TCP connection to 127.0.0.1 that sends whatever a test wants. Blocks; waits at most a minute.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port);
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  ~RawConnection();

  bool connected() const noexcept { return socket_ >= 0; }
  /// False when the other side takes no more.
  bool send(std::string_view bytes);
  /// As many of them as go without waiting; nothing when the other side has ended the connection.
  std::optional<std::size_t> offer(std::string_view bytes);
  /// Sends no more; the other side reads an end.
  void finish();
  /// Ends the connection at once, with a reset.
  void reset();
  /// At least this many bytes, if they come before the end.
  std::string read(std::size_t at_least);
  /// Everything until the other side ends the connection. Throws when it does not.
  std::string read_to_end();

 private:
  int socket_;
};

}  // namespace babilu::testing
