#include "bench/load/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace babilu::load {

namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int begin_connect(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::runtime_error("no socket");
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    close(descriptor);
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
  }
  return descriptor;
}

}  // namespace

TlsClient::TlsClient(const std::string& group)
    : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
      session_(nullptr, SSL_SESSION_free) {
  SSL_CTX* context = context_.get();
  static constexpr unsigned char protocols[] =
      "\x08"
      "babilu/1";
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set1_groups_list(context, group.c_str()) != 1 ||
      SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") != 1 ||
      SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1) != 0) {
    throw std::runtime_error("this OpenSSL does not do what is needed, such as " + group);
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One read for a record instead of two, of its header and its body.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_sess_set_new_cb(context, keep_session);
}

int TlsClient::keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  self->session_.reset(session);
  return 1;  // it is ours now
}

Transport::Transport(int port, const TlsClient* tls, SSL_SESSION* resumed)
    : descriptor_(begin_connect(port)) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls->context()));
  SSL_set_fd(ssl_.get(), descriptor_);
  SSL_set_connect_state(ssl_.get());
  if (resumed == nullptr) return;
  // A copy: OpenSSL uses a session of TLS 1.3 once.
  SSL_SESSION* copy = SSL_SESSION_dup(resumed);
  SSL_set_session(ssl_.get(), copy);
  SSL_SESSION_free(copy);
}

Transport::~Transport() {
  if (ssl_ && state_ == State::open) SSL_shutdown(ssl_.get());
  close(descriptor_);
}

Transport::State Transport::advance() {
  if (state_ != State::connecting) return state_;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return state_ = State::failed;
  if (!ssl_) return state_ = State::open;
  const int done = SSL_do_handshake(ssl_.get());
  if (done == 1) return state_ = State::open;
  if (result(done) < 0) state_ = State::failed;
  return state_;
}

int Transport::read(std::span<std::uint8_t> into) {
  if (ssl_) return result(SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size())));
  const auto count = recv(descriptor_, into.data(), into.size(), 0);
  if (count > 0) return static_cast<int>(count);
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

int Transport::write(std::span<const std::uint8_t> bytes) {
  if (ssl_) return result(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())));
  const auto count = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return static_cast<int>(count);
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

int Transport::result(int returned) const {
  if (returned > 0) return returned;
  const int error = SSL_get_error(ssl_.get(), returned);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

}  // namespace babilu::load
