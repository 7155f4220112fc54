#include "bench/load/echo_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/load/poll.h"
#include "bench/load/wire.h"

namespace babilu::load {

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Connection {
  int descriptor;
  Bytes unread;     // the beginning of a frame
  Bytes unwritten;  // what the socket did not take
  bool blocked = false;
};

/// All connections, and the buffers that they share.
class Server {
 public:
  explicit Server(int port);
  [[noreturn]] void run();

 private:
  void accept_all();
  bool serve(Connection& connection);
  bool answer(Connection& connection, std::size_t size);
  void reply(const Header& header, const std::uint8_t* body);
  bool flush(Connection& connection);
  void append(Header header, std::string_view message);

  Poll poll_;
  int listener_;
  Bytes in_ = Bytes(512 * 1024);
  Bytes out_;
};

Server::Server(int port) : listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 4096) != 0) {
    throw std::runtime_error("cannot listen on port " + std::to_string(port));
  }
  poll_.add(listener_, nullptr, EPOLLIN);
}

void Server::run() {
  for (;;) {
    for (const epoll_event& event : poll_.wait(1'000'000'000)) {
      auto* connection = static_cast<Connection*>(event.data.ptr);
      if (connection == nullptr) {
        accept_all();
      } else if (!serve(*connection)) {
        close(connection->descriptor);
        delete connection;
      }
    }
  }
}

void Server::accept_all() {
  for (;;) {
    const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto* connection = new Connection{descriptor, {}, {}, false};
    poll_.add(descriptor, connection, EPOLLIN);
    out_.clear();
    append({.kind = kind::hello}, server_hello);
    flush(*connection);
  }
}

/// Reads once and answers. False when the connection is over.
bool Server::serve(Connection& connection) {
  out_.clear();
  if (connection.blocked) {
    // Nothing is read before the answers so far are gone: memory stays bounded.
    out_.swap(connection.unwritten);
    return flush(connection);
  }
  std::copy(connection.unread.begin(), connection.unread.end(), in_.begin());
  const std::size_t before = connection.unread.size();
  const auto count = recv(connection.descriptor, in_.data() + before, in_.size() - before, 0);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return false;
  if (count < 0) return true;
  return answer(connection, before + static_cast<std::size_t>(count)) && flush(connection);
}

bool Server::answer(Connection& connection, std::size_t size) {
  std::size_t at = 0;
  while (size - at >= header_bytes) {
    const Header header = header_at(in_.data() + at);
    if (header.size > frame_limit || header.hop + header.meta > header.size) return false;
    if (size - at - header_bytes < header.size) break;
    reply(header, in_.data() + at + header_bytes);
    at += header_bytes + header.size;
  }
  connection.unread.assign(in_.data() + at, in_.data() + size);
  return true;
}

void Server::reply(const Header& header, const std::uint8_t* body) {
  if (header.kind == kind::ping) append({.kind = kind::pong, .value = header.value}, {});
  if (header.kind != kind::request) return;
  // EchoRequest and EchoReply have the same encoding.
  const std::size_t skipped = header.hop + header.meta;
  append({.kind = kind::reply, .flags = end, .stream = header.stream},
         {reinterpret_cast<const char*>(body) + skipped, header.size - skipped});
}

void Server::append(Header header, std::string_view message) {
  const std::size_t before = out_.size();
  out_.resize(before + header_bytes + message.size());
  put(out_.data() + before, header, message);
}

bool Server::flush(Connection& connection) {
  if (out_.empty()) return true;
  const auto sent = send(connection.descriptor, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
  const std::size_t taken = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  connection.unwritten.assign(out_.begin() + static_cast<std::ptrdiff_t>(taken), out_.end());
  const bool blocked = !connection.unwritten.empty();
  if (blocked != connection.blocked) {
    connection.blocked = blocked;
    poll_.change(connection.descriptor, &connection, blocked ? EPOLLOUT : EPOLLIN);
  }
  return true;
}

}  // namespace

void serve_echo(int port) {
  Server(port).run();
}

}  // namespace babilu::load
