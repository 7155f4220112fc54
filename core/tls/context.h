#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

namespace babilu::tls {

/// Where credentials are read from, all PEM.
struct Files {
  /// Our certificate, then those between it and the authority's. Empty: we show none.
  std::filesystem::path certificate = {};
  /// Its private key, PKCS #8, without a password.
  std::filesystem::path key = {};
  /// Certificates of the authorities that we trust, each self-signed.
  std::filesystem::path authority = {};
};

/// What is wrong with a file of credentials, and what to do.
struct CredentialError {
  std::filesystem::path file;
  std::string problem;

  std::string to_string() const { return file.string() + ": " + problem; }
};

[[noreturn]] void throw_exception_from_error(const CredentialError& error,
                                             const boost::source_location& where);

class Context;
using ContextPtr = std::shared_ptr<const Context>;

/// Certificates, key and authorities of one role in one process. Immutable: loaded once, shared by
/// all Runtimes and threads. New files are taken up by loading a new one for new connections.
///
/// What every connection of a context has: TLS 1.3 and nothing older; the groups X25519MLKEM768,
/// X25519 and P-256, in this order; AES-256-GCM, AES-128-GCM, ChaCha20-Poly1305; certificates
/// signed with ECDSA (P-256, P-384) or RSA (2048 bits and more); the ALPN protocol babilu/1.
/// There is no early data (0-RTT), which could be replayed. Revocation lists are not read: let
/// certificates be short-lived, and load them again.
///
/// A connection whose dialer shows no certificate may resume an earlier one by a ticket, and skip
/// the certificate's proof. Both sides still exchange fresh keys, so recorded traffic stays closed
/// even to whoever learns what tickets are sealed with.
/// - A listener gives a ticket with each handshake, good for two hours, and none that would outlive
///   its certificate. It remembers no tickets but seals them, with a key that is in this process
///   alone and changes each hour.
/// - A dialer keeps them in memory, 1,024 at most, uses each once, and offers it only where this
///   Context dials the same host, role and address again, while the certificates that were proved
///   are valid, and until a day after that proof.
/// - What cannot be resumed becomes a full handshake, without an error.
/// - Where both sides show certificates, both prove them on every connection.
class Context {
 public:
  /// Reads and checks the files. Cost: some milliseconds, and it blocks; for start-up and reload.
  /// Tickets of `previous` stay good if certificates and authorities are the same as there;
  /// otherwise none of them does, so that what is withdrawn is withdrawn at once. With `previous`
  /// a pipe is refused instead of waited for.
  static boost::system::result<ContextPtr, CredentialError> load(
      const Files& files, std::chrono::system_clock::time_point now,
      const ContextPtr& previous = nullptr);

  struct Parts;
  explicit Context(std::unique_ptr<const Parts> parts);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Until when our certificate is valid, and those that it leads to, to the authority's; the
  /// latter only as far as we know it. time_point::max() without one.
  std::chrono::system_clock::time_point valid_until() const;

  /// For the implementation.
  const Parts& parts() const noexcept { return *parts_; }

 private:
  std::unique_ptr<const Parts> parts_;
};

}  // namespace babilu::tls
