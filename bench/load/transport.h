#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace babilu::load {

/// What TLS needs on the client's side: TLS 1.3, babilu/1, X25519 and AES-256-GCM, so that whoever
/// answers does the same arithmetic. Certificates are not verified: that is not the server's work.
class TlsClient {
 public:
  /// That offers this group alone for the key exchange.
  explicit TlsClient(const std::string& group = "X25519");
  SSL_CTX* context() const noexcept { return context_.get(); }
  /// The last session that a server gave a ticket for.
  SSL_SESSION* session() const noexcept { return session_.get(); }

 private:
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session_;
};

/// A non-blocking connection to a port of this machine, plain or under TLS.
class Transport {
 public:
  enum class State { connecting, open, failed };

  /// Begins to connect. `tls` is nullptr for a plain connection, `resumed` for a full handshake.
  Transport(int port, const TlsClient* tls, SSL_SESSION* resumed = nullptr);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  int descriptor() const noexcept { return descriptor_; }
  SSL* tls() const noexcept { return ssl_.get(); }

  /// Goes on with connecting and the handshake.
  State advance();
  /// Bytes read; 0 when there are none now, -1 when there will be none.
  int read(std::span<std::uint8_t> into);
  /// Bytes written; 0 when none can be now, -1 when none will be.
  int write(std::span<const std::uint8_t> bytes);
  /// Whether bytes were read from the socket that read() has not given out.
  bool pending() const noexcept { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }

 private:
  int result(int returned) const;

  int descriptor_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  State state_ = State::connecting;
};

}  // namespace babilu::load
