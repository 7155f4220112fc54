#include <botan/tls_ciphersuite.h>
#include <botan/tls_signature_scheme.h>

#include "core/tls/credentials.h"

namespace babilu::tls {

namespace {

using Botan::TLS::Group_Params;
using Botan::TLS::Group_Params_Code;
using Botan::TLS::Signature_Scheme;

class ConnectionPolicy final : public Botan::TLS::Policy {
 public:
  explicit ConnectionPolicy(Use use) : use_(use) {}

  bool allow_tls12() const override { return false; }
  bool allow_tls13() const override { return true; }
  bool allow_dtls12() const override { return false; }

  std::vector<std::string> allowed_ciphers() const override {
    return {"AES-256/GCM", "AES-128/GCM", "ChaCha20Poly1305"};
  }
  std::vector<Group_Params> key_exchange_groups() const override {
    return {Group_Params_Code::HYBRID_X25519_ML_KEM_768, Group_Params::X25519,
            Group_Params::SECP256R1};
  }
  // The key share of one group only: each costs as much as a signature, and all of ours take this.
  std::vector<Group_Params> key_exchange_groups_to_offer() const override {
    return {Group_Params_Code::HYBRID_X25519_ML_KEM_768};
  }
  std::vector<Signature_Scheme> allowed_signature_schemes() const override {
    return {Signature_Scheme::ECDSA_SHA256, Signature_Scheme::ECDSA_SHA384,
            Signature_Scheme::RSA_PSS_SHA256};
  }
  std::optional<std::vector<Signature_Scheme>> acceptable_certificate_signature_schemes()
      const override {
    return std::vector<Signature_Scheme>{
        Signature_Scheme::ECDSA_SHA256, Signature_Scheme::ECDSA_SHA384,
        Signature_Scheme::RSA_PSS_SHA256, Signature_Scheme::RSA_PKCS1_SHA256,
        Signature_Scheme::RSA_PKCS1_SHA384};
  }

  bool require_client_certificate_authentication() const override {
    return use_ == Use::asks_certificate;
  }
  // One: ours uses each once, and gets another on the connection that it resumes.
  std::size_t new_session_tickets_upon_handshake_success() const override {
    return use_ == Use::gives_tickets ? 1 : 0;
  }
  std::chrono::seconds session_ticket_lifetime() const override { return ticket_lifetime; }
  std::size_t maximum_certificate_chain_size() const override { return 12 * 1024; }
  // The channel bounds both in bytes that bring no data, and says so by a reason of its own.
  std::size_t maximum_handshake_message_size() const override { return std::size_t{1} << 24; }
  std::uint64_t minimum_key_update_interval_ms() const override { return 0; }
  bool support_cert_status_message() const override { return false; }

 private:
  const Use use_;
};

}  // namespace

std::shared_ptr<const Botan::TLS::Policy> connection_policy(Use use) {
  static const auto plain = std::make_shared<const ConnectionPolicy>(Use::plain);
  static const auto tickets = std::make_shared<const ConnectionPolicy>(Use::gives_tickets);
  static const auto mutual = std::make_shared<const ConnectionPolicy>(Use::asks_certificate);
  switch (use) {
    case Use::gives_tickets:
      return tickets;
    case Use::asks_certificate:
      return mutual;
    default:
      return plain;
  }
}

}  // namespace babilu::tls
