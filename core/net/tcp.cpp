#include "core/net/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <memory>
#include <vector>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "core/net/dial_first.h"
#include "core/runtime/descriptor.h"
#include "core/runtime/runtime.h"

namespace babilu::net {

namespace asio = boost::asio;
using Endpoint = asio::ip::tcp::endpoint;

namespace {

error_code last_error() noexcept {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return asio::error::would_block;
  return {errno, boost::system::system_category()};
}

/// A listener on [::] sees IPv4 addresses as ::ffff:192.0.2.1; to everybody else they are IPv4.
Address to_address(const Endpoint& endpoint) {
  auto number = endpoint.address();
  if (number.is_v6() && number.to_v6().is_v4_mapped()) {
    number = asio::ip::make_address_v4(asio::ip::v4_mapped, number.to_v6());
  }
  return {number.to_string(), endpoint.port()};
}

template <class Value>
bool set_option(int socket, int level, int name, Value value) noexcept {
  return ::setsockopt(socket, level, name, &value, sizeof value) == 0;
}

int open_socket(const Endpoint& endpoint) noexcept {
  return ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

class TcpStream final : public Stream {
 public:
  TcpStream(Runtime& runtime, int socket, const Endpoint& remote)
      : socket_(runtime, socket), remote_(to_address(remote)) {
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  }

  Transfer read_some(MutableByteView buffer) override {
    if (buffer.empty()) return {};
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      if (static_cast<std::size_t>(got) < buffer.size()) socket_.read_all();
      return {static_cast<std::size_t>(got), {}};
    }
    if (got == 0) return {0, asio::error::eof};
    const error_code error = last_error();
    if (error == asio::error::would_block) socket_.read_all();
    return {0, error};
  }

  Transfer write_some(ByteView bytes) override {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {static_cast<std::size_t>(sent), {}};
    const error_code error = last_error();
    if (error == asio::error::would_block) socket_.write_full();
    return {0, error};
  }

  task<error_code> readable(Deadline deadline) override { return socket_.readable(deadline); }
  bool when_readable(Waiter& waiter) override { return socket_.when_readable(waiter); }
  task<error_code> writable(Deadline deadline) override { return socket_.writable(deadline); }

  /// Waits for the end of a connect(2) that has begun.
  task<error_code> connected(Deadline deadline) {
    socket_.write_full();
    const error_code error = co_await socket_.writable(deadline);
    if (error) co_return error;
    int outcome = 0;
    socklen_t size = sizeof outcome;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &outcome, &size);
    co_return error_code(outcome, boost::system::system_category());
  }

  void shutdown() noexcept override { ::shutdown(socket_.get(), SHUT_WR); }
  void close() noexcept override { socket_.close(); }
  const Address& remote() const noexcept override { return remote_; }

 private:
  Descriptor socket_;
  const Address remote_;
};

class TcpListener final : public Listener {
 public:
  TcpListener(Runtime& runtime, int socket, const Endpoint& local)
      : runtime_(runtime), socket_(runtime, socket), local_(to_address(local)) {}

  task<Result<StreamPtr>> accept() override {
    while (socket_.open()) {
      Endpoint remote;
      auto size = static_cast<socklen_t>(remote.capacity());
      const int accepted =
          ::accept4(socket_.get(), remote.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted >= 0) {
        remote.resize(size);
        co_return StreamPtr(std::make_unique<TcpStream>(runtime_, accepted, remote));
      }
      const error_code error = last_error();
      // Who connected may be gone again: accept(2) says to take that for nothing.
      if (errno == ECONNABORTED || errno == EPROTO || errno == EINTR) continue;
      if (error != asio::error::would_block) co_return error;
      socket_.read_all();
      const error_code closed = co_await socket_.readable();
      if (closed) co_return closed;
    }
    co_return error_code(asio::error::operation_aborted);
  }
  const Address& local() const noexcept override { return local_; }
  void close() noexcept override { socket_.close(); }

 private:
  Runtime& runtime_;
  Descriptor socket_;
  const Address local_;
};

/// connect(2): EINPROGRESS, then writable, then the outcome in SO_ERROR.
task<Result<StreamPtr>> dial(Runtime& runtime, Endpoint to, Deadline deadline) {
  const int socket = open_socket(to);
  if (socket < 0) co_return last_error();
  // Before epoll sees it: it takes a socket that does not connect for one that has hung up.
  const bool at_once = ::connect(socket, to.data(), static_cast<socklen_t>(to.size())) == 0;
  const error_code refused = at_once || errno == EINPROGRESS ? error_code() : last_error();
  auto stream = std::make_unique<TcpStream>(runtime, socket, to);
  if (refused) co_return refused;
  if (!at_once) {
    const error_code error = co_await stream->connected(deadline);
    if (error) co_return error;
  }
  co_return StreamPtr(std::move(stream));
}

enum class Sharing { none, first, another };

/// Binds and listens, and sets the endpoint to where.
error_code listen_at(int socket, Endpoint& endpoint, int backlog, Sharing sharing) {
  const auto share = [&] { return set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1); };
  auto size = static_cast<socklen_t>(endpoint.size());
  const bool listening =
      set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1) && (sharing != Sharing::another || share()) &&
      ::bind(socket, endpoint.data(), size) == 0 && ::listen(socket, backlog) == 0 &&
      // Not before listen(2): of two processes that have both bound, it lets in one alone.
      (sharing != Sharing::first || share()) && ::getsockname(socket, endpoint.data(), &size) == 0;
  return listening ? error_code() : last_error();
}

}  // namespace

Result<ListenerPtr> TcpNetwork::listen(const Address& at, ListenOptions options) {
  error_code error;
  const auto number = asio::ip::make_address(at.host == "localhost" ? "127.0.0.1" : at.host, error);
  if (error) return error;
  Endpoint endpoint(number, at.port);
  const int socket = open_socket(endpoint);
  if (socket < 0) return last_error();

  Sharing sharing = Sharing::none;
  std::unique_lock<std::mutex> lock;
  if (options.share_port) {
    assert(shared_ != nullptr);
    lock = std::unique_lock(shared_->mutex_);
    const bool ours = std::ranges::count(shared_->taken_, to_address(endpoint)) != 0;
    sharing = ours ? Sharing::another : Sharing::first;
  }
  error = listen_at(socket, endpoint, options.backlog, sharing);
  if (error) {
    ::close(socket);
    return error;
  }
  if (sharing == Sharing::first) shared_->taken_.push_back(to_address(endpoint));
  return ListenerPtr(std::make_unique<TcpListener>(runtime_, socket, endpoint));
}

task<Result<std::vector<Endpoint>>> TcpNetwork::find(const Address& to, Deadline deadline) {
  if (to.host == "localhost") {
    co_return std::vector<Endpoint>{{asio::ip::address_v4::loopback(), to.port},
                                    {asio::ip::address_v6::loopback(), to.port}};
  }
  error_code not_a_number;
  const auto number = asio::ip::make_address(to.host, not_a_number);
  if (!not_a_number) co_return std::vector<Endpoint>{{number, to.port}};
  co_return co_await resolver_.resolve(to.host, to.port, deadline);
}

task<Result<StreamPtr>> TcpNetwork::connect(const Address& to, Deadline deadline) {
  const Result<std::vector<Endpoint>> found = co_await find(to, deadline);
  if (!found) co_return found.error();
  if (found->empty()) co_return error_code(asio::error::host_not_found);
  if (found->size() == 1) co_return co_await dial(runtime_, found->front(), deadline);
  const DialOne dial_one = [this, &addresses = *found, deadline](std::size_t index) {
    return dial(runtime_, addresses[index], deadline);
  };
  co_return co_await dial_first(runtime_, found->size(), dial_one, deadline);
}

}  // namespace babilu::net
