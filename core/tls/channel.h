#pragma once

#include <memory>
#include <string>

#include <botan/tls_callbacks.h>
#include <botan/tls_channel.h>

#include "core/base/buffer.h"
#include "core/runtime/runtime.h"
#include "core/tls/credentials.h"
#include "core/tls/sessions.h"

/// Botan's TLS channel without I/O; internal to core/tls.
namespace babilu::tls {

/// Why we believe that the other side is who it should be.
enum class Trust {
  authority,    ///< its certificate, by an authority of ours, for the name and role expected
  bound_later,  ///< not yet: nobody checks its certificate, its identity signs the channel binding
};

struct ChannelOptions {
  bool dialer = false;
  Trust trust = Trust::authority;
  ContextPtr context;                        ///< with Trust::authority
  std::shared_ptr<Credentials> credentials;  ///< what we show
  std::shared_ptr<Sessions> sessions;        ///< listener: what gives tickets; or nothing does
  std::string host;                          ///< dialer: the name that the other side must prove
  std::string role;     ///< what the other side must be; listener: empty asks for no certificate
  std::string reached;  ///< dialer: where; another process there could not open our tickets
  /// Records sealed with one key. Far below where AES-GCM weakens (RFC 8446 §5.5: 2^24.5).
  std::uint64_t records_per_key = std::uint64_t{1} << 22;
};

/// One end of a TLS connection as a machine: ciphertext and plaintext go in and come out.
///
/// No exception leaves it; a failure ends it and is kept in failure(). Not movable.
class Channel final : private Botan::TLS::Callbacks {
 public:
  Channel(Runtime& runtime, const ChannelOptions& options);
  ~Channel() override;

  /// Takes ciphertext. Plaintext goes to `into` and, where that is full, to kept(). Gives the bytes
  /// in `into`. A failure may come with plaintext from before it.
  std::size_t receive(ByteView ciphertext, MutableByteView into);
  /// Adds to it for each whole record that came without plaintext.
  void count_overhead(std::uint32_t& counter) noexcept { overhead_ = &counter; }
  /// Plaintext that found no room; take_kept() moves some of it on.
  bool has_kept() const noexcept { return kept_taken_ < kept_.size(); }
  std::size_t take_kept(MutableByteView into);

  /// Seals plaintext into outgoing(). Only after the handshake.
  void send(ByteView plaintext);
  /// Says in outgoing() that no more comes from us.
  void send_close();
  /// Says in outgoing() that what came in is not acceptable.
  void send_refusal();
  /// Ciphertext to be sent; the caller takes it from the front.
  Buffer& outgoing() noexcept { return outgoing_; }
  bool has_outgoing() const noexcept { return !outgoing_.empty(); }

  bool is_dialer() const noexcept { return dialer_; }
  bool handshake_complete() const noexcept { return complete_; }
  bool peer_closed() const noexcept { return peer_closed_; }
  error_code failure() const noexcept { return failure_; }
  /// The failure is what an alert of the other side says, so it knows.
  bool peer_failed() const noexcept { return peer_failed_; }

  /// After the handshake: the verified role, the names of what was negotiated.
  std::string peer_role() const { return proved_ ? other_side_->role : std::string(); }
  std::string cipher() const;
  std::string group() const;
  bool resumed() const noexcept { return resumed_; }
  std::uint32_t key_updates() const noexcept { return key_updates_; }
  /// RFC 8446 §7.5; empty when the handshake is not complete or the connection failed.
  Secret export_secret(std::string_view label, std::size_t size) const;

 private:
  // Botan asks and tells.
  void tls_emit_data(std::span<const std::uint8_t> data) override;
  void tls_record_received(std::uint64_t sequence, std::span<const std::uint8_t> data) override;
  void tls_alert(Botan::TLS::Alert alert) override;
  bool tls_peer_closed_connection() override { return false; }
  void tls_verify_cert_chain(const std::vector<Botan::X509_Certificate>& chain,
                             const std::vector<std::optional<Botan::OCSP::Response>>& ocsp,
                             const std::vector<Botan::Certificate_Store*>& trusted,
                             Botan::Usage_Type usage, std::string_view hostname,
                             const Botan::TLS::Policy& policy) override;
  std::string tls_server_choose_app_protocol(const std::vector<std::string>& offered) override;
  void tls_examine_extensions(const Botan::TLS::Extensions& extensions,
                              Botan::TLS::Connection_Side side,
                              Botan::TLS::Handshake_Type message) override;
  void tls_session_established(const Botan::TLS::Session_Summary& session) override;
  void tls_session_activated() override { complete_ = true; }
  std::chrono::system_clock::time_point tls_current_timestamp() override;
  Botan::KEM_Encapsulation tls_kem_encapsulate(Botan::TLS::Group_Params group,
                                               const std::vector<std::uint8_t>& public_key,
                                               Botan::RandomNumberGenerator& random,
                                               const Botan::TLS::Policy& policy) override;
  Botan::secure_vector<std::uint8_t> tls_kem_decapsulate(Botan::TLS::Group_Params group,
                                                         const Botan::Private_Key& key,
                                                         const std::vector<std::uint8_t>& bytes,
                                                         Botan::RandomNumberGenerator& random,
                                                         const Botan::TLS::Policy& policy) override;

  /// Who the other side must be. Most listeners do not ask.
  struct OtherSide {
    std::string host;  ///< of a dialer
    std::string role;
  };

  void dial(const ChannelOptions& options);
  void listen(const ChannelOptions& options);

  template <class Action>
  void guarded(Action action) noexcept;
  void fail(Error error) noexcept;
  [[noreturn]] void refuse(Error error);
  std::size_t next_piece(ByteView ciphertext) noexcept;

  static constexpr std::size_t record_header = 5;

  Runtime& runtime_;
  const ContextPtr context_;
  std::unique_ptr<const OtherSide> other_side_;
  std::shared_ptr<DialerSessions> dialed_;  // a dialer's that may resume
  std::unique_ptr<Botan::TLS::Channel> channel_;

  Buffer outgoing_;
  Bytes kept_;
  std::size_t kept_taken_ = 0;
  MutableByteView into_;
  std::size_t into_filled_ = 0;

  std::uint8_t header_[record_header];  // of the record that we are in
  std::size_t header_seen_ = 0;
  std::size_t record_left_ = 0;
  std::size_t unproductive_ = 0;      // ciphertext since the last plaintext
  std::uint64_t sealed_records_ = 0;  // with the current key
  std::uint32_t* overhead_ = nullptr;

  const std::uint64_t records_per_key_;
  std::uint32_t key_updates_ = 0;
  std::uint16_t cipher_ = 0;
  std::uint16_t group_ = 0;
  const bool dialer_;
  const Trust trust_;
  bool proved_ = false;  // the other side is who other_side_ says
  bool resumed_ = false;
  bool complete_ = false;
  bool peer_closed_ = false;
  bool peer_failed_ = false;
  error_code failure_;
};

}  // namespace babilu::tls
