#include "tests/integration/support/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>
#include <stdexcept>

namespace babilu::testing {

namespace {

constexpr int patience_ms = 60'000;

bool wait_for(int socket, short what) {
  pollfd entry{socket, what, 0};
  return ::poll(&entry, 1, patience_ms) == 1;
}

}  // namespace

RawConnection::RawConnection(std::uint16_t port)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Each send is a segment of its own, however small.
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return;
  ::close(socket_);
  socket_ = -1;
}

RawConnection::~RawConnection() {
  if (connected()) ::close(socket_);
}

bool RawConnection::send(std::string_view bytes) {
  while (connected() && !bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN && wait_for(socket_, POLLOUT)) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return connected();
}

std::optional<std::size_t> RawConnection::offer(std::string_view bytes) {
  if (!connected()) return std::nullopt;
  const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN) return std::nullopt;
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void RawConnection::finish() {
  ::shutdown(socket_, SHUT_WR);
}

void RawConnection::reset() {
  if (!connected()) return;
  const linger none{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  ::close(socket_);
  socket_ = -1;
}

std::string RawConnection::read(std::size_t at_least) {
  std::string content;
  std::array<char, 4096> buffer;
  while (connected() && content.size() < at_least) {
    if (!wait_for(socket_, POLLIN))
      throw std::runtime_error("the other side neither sends nor ends");
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;  // its end, or a reset, which is one too
    content.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return content;
}

std::string RawConnection::read_to_end() {
  return read(std::numeric_limits<std::size_t>::max());
}

}  // namespace babilu::testing
