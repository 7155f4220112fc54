#include "core/net/tcp.h"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/runtime/runtime.h"

namespace babilu::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Resolver = asio::ip::basic_resolver<tcp, Executor>;

constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> as_value{};

/// Cancels the operations of `Object` at a deadline, and remembers that it did.
template <class Object>
class Watch {
 public:
  Watch(Clock& clock, Object& object, Deadline deadline)
      : object_(object), alarm_(clock, [](void* self) { static_cast<Watch*>(self)->fire(); }, this) {
    alarm_.set(deadline);
  }
  bool expired() const noexcept { return expired_; }
  error_code explain(error_code error) const {
    return expired_ && error ? error_code(asio::error::timed_out) : error;
  }

 private:
  void fire() {
    expired_ = true;
    object_.cancel();
  }

  Object& object_;
  Alarm alarm_;
  bool expired_ = false;
};

Address to_address(const tcp::endpoint& endpoint) {
  return {endpoint.address().to_string(), endpoint.port()};
}

class TcpStream final : public Stream {
 public:
  TcpStream(Runtime& runtime, Socket socket, const tcp::endpoint& remote)
      : runtime_(runtime), socket_(std::move(socket)), remote_(to_address(remote)) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
  }

  Transfer read_some(MutableByteView buffer) override {
    Transfer moved;
    moved.bytes = socket_.read_some(asio::buffer(buffer.data(), buffer.size()), moved.error);
    return moved;
  }

  Transfer write_some(ByteView bytes) override {
    Transfer moved;
    moved.bytes = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), moved.error);
    return moved;
  }

  task<error_code> readable(Deadline deadline) override {
    return wait(Socket::wait_read, deadline);
  }
  task<error_code> writable(Deadline deadline) override {
    return wait(Socket::wait_write, deadline);
  }

  void shutdown() noexcept override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }
  void close() noexcept override {
    error_code ignored;
    socket_.close(ignored);
  }
  const Address& remote() const noexcept override { return remote_; }

 private:
  task<error_code> wait(Socket::wait_type what, Deadline deadline) {
    Watch watch(runtime_.clock(), socket_, deadline);
    while (socket_.is_open()) {
      auto [error] = co_await socket_.async_wait(what, as_value);
      // The deadline of the opposite direction cancels both; the one that has time left goes on.
      // A cancelled coroutine ends here: its next co_await throws.
      if (error != asio::error::operation_aborted || watch.expired()) {
        co_return watch.explain(error);
      }
    }
    co_return error_code(asio::error::operation_aborted);
  }

  Runtime& runtime_;
  Socket socket_;
  Address remote_;
};

class TcpListener final : public Listener {
 public:
  TcpListener(Runtime& runtime, Acceptor acceptor)
      : runtime_(runtime), acceptor_(std::move(acceptor)), local_(to_address(acceptor_.local_endpoint())) {}

  task<Result<StreamPtr>> accept() override {
    Socket socket(runtime_.executor());
    tcp::endpoint remote;
    auto [error] = co_await acceptor_.async_accept(socket, remote, as_value);
    if (error) co_return error;
    co_return StreamPtr(std::make_unique<TcpStream>(runtime_, std::move(socket), remote));
  }
  const Address& local() const noexcept override { return local_; }
  void close() noexcept override {
    error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  Runtime& runtime_;
  Acceptor acceptor_;
  Address local_;
};

}  // namespace

Result<ListenerPtr> TcpNetwork::listen(const Address& at, ListenOptions options) {
  error_code error;
  const auto number = asio::ip::make_address(at.host == "localhost" ? "127.0.0.1" : at.host, error);
  if (error) return error;
  const tcp::endpoint endpoint(number, at.port);

  Acceptor acceptor(runtime_.executor());
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && options.share_port) {
    using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
    acceptor.set_option(reuse_port(true), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(options.backlog, error);
  if (error) return error;
  return ListenerPtr(std::make_unique<TcpListener>(runtime_, std::move(acceptor)));
}

task<Result<StreamPtr>> TcpNetwork::connect(const Address& to, Deadline deadline) {
  Resolver resolver(runtime_.executor());
  Watch resolving(runtime_.clock(), resolver, deadline);
  auto [not_found, endpoints] =
      co_await resolver.async_resolve(to.host, std::to_string(to.port), as_value);
  if (not_found) co_return resolving.explain(not_found);

  error_code last = asio::error::host_not_found;
  for (const auto& entry : endpoints) {
    Socket socket(runtime_.executor());
    Watch connecting(runtime_.clock(), socket, deadline);
    auto [error] = co_await socket.async_connect(entry.endpoint(), as_value);
    if (!error) {
      co_return StreamPtr(
          std::make_unique<TcpStream>(runtime_, std::move(socket), entry.endpoint()));
    }
    last = connecting.explain(error);
    if (last == asio::error::timed_out) break;
  }
  co_return last;
}

}  // namespace babilu::net
