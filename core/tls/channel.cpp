#include "core/tls/channel.h"

#include <algorithm>
#include <cassert>

#include <botan/exceptn.h>
#include <botan/rng.h>
#include <botan/tls_ciphersuite.h>
#include <botan/tls_client.h>
#include <botan/tls_exceptn.h>
#include <botan/tls_extensions.h>
#include <botan/tls_server.h>
#include <botan/tls_session.h>
#include <botan/tls_session_manager_noop.h>
#include <boost/endian/conversion.hpp>

#include "core/tls/alerts.h"
#include "core/tls/names.h"

namespace babilu::tls {

namespace {

using Botan::TLS::Alert;
using Botan::TLS::AlertType;

constexpr std::string_view protocol = "babilu/1";
constexpr std::size_t max_record = 16 * 1024;

// Ciphertext that may come without any plaintext. A handshake of ours has 4 KiB; afterwards the
// largest record is still to fit. Bounds what floods of handshake messages, key updates and empty
// records can cost.
constexpr std::size_t max_handshake = 24 * 1024;
constexpr std::size_t max_unproductive = 64 * 1024;

// A key update derives keys, and asks for one of ours: about as much work as two requests.
constexpr std::uint32_t cost_without_plaintext = 2;

/// A pointer to what its owner keeps longer than Botan's objects live.
template <class T>
std::shared_ptr<T> borrow(T& object) {
  return std::shared_ptr<T>(std::shared_ptr<void>(), &object);
}

std::shared_ptr<Botan::TLS::Session_Manager> no_sessions() {
  static const auto manager = std::make_shared<Botan::TLS::Session_Manager_Noop>();
  return manager;
}

}  // namespace

Channel::Channel(Runtime& runtime, const ChannelOptions& options)
    : runtime_(runtime),
      context_(options.context),
      records_per_key_(options.records_per_key),
      dialer_(options.dialer),
      trust_(options.trust) {
  if (trust_ == Trust::authority && !options.role.empty()) {
    other_side_ = std::make_unique<OtherSide>(options.host, options.role);
  }
  guarded([&] { dialer_ ? dial(options) : listen(options); });
  assert(channel_ || failure_);
}

Channel::~Channel() = default;

void Channel::dial(const ChannelOptions& options) {
  std::shared_ptr<Botan::TLS::Session_Manager> sessions = no_sessions();
  // Where both sides show certificates, both prove them each time.
  if (trust_ == Trust::authority && options.credentials->chain().empty()) {
    dialed_ = std::make_shared<DialerSessions>(
        *context_->parts().tickets, options.host + ' ' + options.role + ' ' + options.reached,
        borrow(runtime_.random()));
    sessions = dialed_;
  }
  channel_ = std::make_unique<Botan::TLS::Client>(
      borrow<Botan::TLS::Callbacks>(*this), sessions, options.credentials,
      connection_policy(Use::plain), borrow(runtime_.random()),
      Botan::TLS::Server_Information(options.host), Botan::TLS::Protocol_Version::TLS_V13,
      std::vector<std::string>{std::string(protocol)});
}

void Channel::listen(const ChannelOptions& options) {
  std::shared_ptr<Botan::TLS::Session_Manager> sessions = no_sessions();
  Use use = other_side_ ? Use::asks_certificate : Use::plain;
  if (options.sessions && !other_side_) {
    sessions = options.sessions;
    use = Use::gives_tickets;
  }
  channel_ = std::make_unique<Botan::TLS::Server>(borrow<Botan::TLS::Callbacks>(*this), sessions,
                                                  options.credentials, connection_policy(use),
                                                  borrow(runtime_.random()));
}

template <class Action>
void Channel::guarded(Action action) noexcept {
  try {
    action();
  } catch (const Botan::TLS::TLS_Exception& failure) {
    const Error error = explain(failure);
    // Of a client that shows no certificate it is the proof of a ticket, or of its keys.
    const bool without = !dialer_ && !other_side_;
    fail(without && error == Error::bad_certificate ? Error::altered : error);
  } catch (const Botan::Invalid_Authentication_Tag&) {
    fail(Error::altered);
  } catch (const Botan::Decoding_Error&) {
    fail(Error::protocol_violation);
  } catch (const Botan::Invalid_Argument&) {  // a value of theirs that is out of its range
    fail(Error::protocol_violation);
  } catch (const Botan::Not_Implemented&) {
    fail(Error::no_common_algorithms);
  } catch (const std::exception&) {
    fail(Error::internal);
  }
}

void Channel::fail(Error error) noexcept {
  if (failure_) return;
  failure_ = error;
  if (dialed_ && !complete_) dialed_->forget();
}

void Channel::refuse(Error error) {
  fail(error);
  throw Botan::TLS::TLS_Exception(alert_for(error), "refused");
}

std::size_t Channel::receive(ByteView ciphertext, MutableByteView into) {
  into_ = into;
  into_filled_ = 0;
  // One record at a time: Botan moves all that is behind the record that it takes.
  while (!ciphertext.empty() && !failure_ && !peer_closed_) {
    const std::size_t size = next_piece(ciphertext);
    assert(size > 0);  // else this would not end
    unproductive_ += size;
    guarded([&] {
      if (unproductive_ > (complete_ ? max_unproductive : max_handshake)) {
        channel_->send_fatal_alert(AlertType::UnexpectedMessage);
        fail(Error::protocol_violation);
      } else {
        channel_->received_data(ciphertext.first(size));
      }
    });
    if (overhead_ != nullptr && unproductive_ > 0 && header_seen_ == 0) {
      *overhead_ += cost_without_plaintext;
    }
    ciphertext = ciphertext.subspan(size);
  }
  into_ = {};
  return into_filled_;
}

/// The bytes up to the end of the record that they begin in, or as many as there are.
std::size_t Channel::next_piece(ByteView ciphertext) noexcept {
  std::size_t taken = 0;
  while (header_seen_ < record_header && taken < ciphertext.size()) {
    header_[header_seen_++] = ciphertext[taken++];
    if (header_seen_ == record_header) record_left_ = boost::endian::load_big_u16(&header_[3]);
  }
  if (header_seen_ < record_header) return taken;
  const std::size_t body = std::min(record_left_, ciphertext.size() - taken);
  record_left_ -= body;
  if (record_left_ == 0) header_seen_ = 0;
  return taken + body;
}

void Channel::tls_record_received(std::uint64_t, std::span<const std::uint8_t> data) {
  // Not left to Botan: versions of it handed on what a client encrypts before it has proved its
  // certificate (CVE-2026-34582).
  if (!complete_) refuse(Error::protocol_violation);
  if (data.empty()) return;
  unproductive_ = 0;
  const std::size_t direct = has_kept() ? 0 : std::min(data.size(), into_.size() - into_filled_);
  std::copy_n(data.begin(), direct, into_.begin() + static_cast<std::ptrdiff_t>(into_filled_));
  into_filled_ += direct;
  assert(into_filled_ <= into_.size());
  kept_.insert(kept_.end(), data.begin() + static_cast<std::ptrdiff_t>(direct), data.end());
}

std::size_t Channel::take_kept(MutableByteView into) {
  const std::size_t taken = std::min(into.size(), kept_.size() - kept_taken_);
  std::copy_n(kept_.begin() + static_cast<std::ptrdiff_t>(kept_taken_), taken, into.begin());
  kept_taken_ += taken;
  assert(kept_taken_ <= kept_.size());
  if (!has_kept()) {
    kept_ = Bytes();  // an idle connection holds no buffer
    kept_taken_ = 0;
  }
  return taken;
}

void Channel::send(ByteView plaintext) {
  guarded([&] {
    if (sealed_records_ >= records_per_key_) {
      channel_->update_traffic_keys();
      sealed_records_ = 0;
      ++key_updates_;
    }
    channel_->send(plaintext);
    sealed_records_ += plaintext.size() / max_record + 1;
  });
}

void Channel::send_close() {
  if (channel_) guarded([this] { channel_->close(); });
}

void Channel::send_refusal() {
  if (channel_) guarded([this] { channel_->send_fatal_alert(AlertType::UnexpectedMessage); });
}

Secret Channel::export_secret(std::string_view label, std::size_t size) const {
  if (!complete_) return {};
  try {
    return channel_->key_material_export(label, "", size).bits_of();
  } catch (const std::exception&) {
    return {};
  }
}

std::string Channel::cipher() const {
  const auto suite = Botan::TLS::Ciphersuite::by_id(cipher_);
  return suite ? suite->to_string() : std::string();
}

std::string Channel::group() const {
  return Botan::TLS::Group_Params(group_).to_string().value_or("");
}

void Channel::tls_emit_data(std::span<const std::uint8_t> data) {
  outgoing_.append(data);
}

void Channel::tls_alert(Alert alert) {
  if (alert.type() == AlertType::CloseNotify) {
    peer_closed_ = true;
  } else if (alert.type() != AlertType::UserCanceled) {
    peer_failed_ = !failure_;
    fail(explain(alert));
  }
}

void Channel::tls_verify_cert_chain(const std::vector<Botan::X509_Certificate>& chain,
                                    const std::vector<std::optional<Botan::OCSP::Response>>&,
                                    const std::vector<Botan::Certificate_Store*>&,
                                    Botan::Usage_Type usage, std::string_view,
                                    const Botan::TLS::Policy&) {
  if (trust_ == Trust::bound_later) return;
  const auto now = tls_current_timestamp();
  const auto valid_until = verify_chain(chain, context_->parts().authorities, usage, now);
  if (!valid_until) refuse(valid_until.error());
  const Botan::X509_Certificate& leaf = chain.front();
  if (dialer_ && !is_for_host(leaf, other_side_->host)) refuse(Error::wrong_name);
  if (role_of(leaf) != other_side_->role) refuse(Error::wrong_role);
  proved_ = true;
  if (dialed_) dialed_->proved(now, *valid_until);
}

std::string Channel::tls_server_choose_app_protocol(const std::vector<std::string>& offered) {
  const bool ours = std::find(offered.begin(), offered.end(), protocol) != offered.end();
  if (!ours) refuse(Error::no_common_protocol);
  return std::string(protocol);
}

void Channel::tls_examine_extensions(const Botan::TLS::Extensions& extensions,
                                     Botan::TLS::Connection_Side,
                                     Botan::TLS::Handshake_Type message) {
  using Alpn = Botan::TLS::Application_Layer_Protocol_Notification;
  const bool hello = message == Botan::TLS::Handshake_Type::ClientHello;
  const bool answer = message == Botan::TLS::Handshake_Type::EncryptedExtensions;
  if (!hello && !answer) return;
  const Alpn* alpn = extensions.get<Alpn>();
  if (alpn == nullptr || (answer && alpn->single_protocol() != protocol)) {
    refuse(Error::no_common_protocol);
  }
}

void Channel::tls_session_established(const Botan::TLS::Session_Summary& session) {
  resumed_ = session.was_resumption();
  if (resumed_ && dialer_) {
    // The ticket is of a connection that proved this name and role.
    if (!dialed_ || !dialed_->offered()) refuse(Error::internal);
    proved_ = true;
  }
  if (other_side_ && !proved_) refuse(Error::no_certificate);
  cipher_ = session.ciphersuite_code();
  unproductive_ = 0;
}

std::chrono::system_clock::time_point Channel::tls_current_timestamp() {
  return runtime_.clock().wall();
}

Botan::KEM_Encapsulation Channel::tls_kem_encapsulate(Botan::TLS::Group_Params group,
                                                      const std::vector<std::uint8_t>& public_key,
                                                      Botan::RandomNumberGenerator& random,
                                                      const Botan::TLS::Policy& policy) {
  group_ = group.wire_code();
  return Callbacks::tls_kem_encapsulate(group, public_key, random, policy);
}

Botan::secure_vector<std::uint8_t> Channel::tls_kem_decapsulate(
    Botan::TLS::Group_Params group, const Botan::Private_Key& key,
    const std::vector<std::uint8_t>& bytes, Botan::RandomNumberGenerator& random,
    const Botan::TLS::Policy& policy) {
  group_ = group.wire_code();
  return Callbacks::tls_kem_decapsulate(group, key, bytes, random, policy);
}

}  // namespace babilu::tls
