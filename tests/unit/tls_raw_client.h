#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <botan/credentials_manager.h>
#include <botan/tls_callbacks.h>
#include <botan/tls_client.h>
#include <botan/tls_policy.h>
#include <botan/tls_session_manager.h>

#include "core/net/stream.h"
#include "core/runtime/runtime.h"

/// A TLS client that need not behave as ours does, for tests.
namespace babilu::tls::testing {

class RawPolicy : public Botan::TLS::Policy {
 public:
  bool early_data = false;  ///< says in a hello with a ticket that data follows it
  std::vector<Botan::TLS::Group_Params> groups = {Botan::TLS::Group_Params::X25519};

  bool allow_tls12() const override { return false; }
  bool allow_tls13() const override { return true; }
  bool allow_ssl_key_log_file() const override { return true; }
  std::vector<Botan::TLS::Group_Params> key_exchange_groups() const override { return groups; }
  std::vector<std::string> allowed_ciphers() const override { return {"AES-256/GCM"}; }
};

class RawClient final : private Botan::TLS::Callbacks {
 public:
  /// Without `sessions` it keeps no tickets.
  RawClient(Runtime& runtime, const RawPolicy& policy, const std::vector<std::string>& protocols,
            std::shared_ptr<Botan::TLS::Session_Manager> sessions = nullptr);
  ~RawClient() override;

  Botan::TLS::Client& client() noexcept { return *client_; }
  /// What is to be sent; the test may change it first.
  Bytes out;
  /// The server agreed to early data, or said with a ticket that it would.
  bool early_data_granted = false;
  /// The secrets of the key schedule, by the labels of SSLKEYLOGFILE.
  std::map<std::string, Secret> secrets;

 private:
  void tls_emit_data(std::span<const std::uint8_t> data) override {
    out.insert(out.end(), data.begin(), data.end());
  }
  void tls_record_received(std::uint64_t, std::span<const std::uint8_t>) override {}
  void tls_alert(Botan::TLS::Alert) override {}
  void tls_verify_cert_chain(const std::vector<Botan::X509_Certificate>&,
                             const std::vector<std::optional<Botan::OCSP::Response>>&,
                             const std::vector<Botan::Certificate_Store*>&, Botan::Usage_Type,
                             std::string_view, const Botan::TLS::Policy&) override {}
  void tls_examine_extensions(const Botan::TLS::Extensions& extensions,
                              Botan::TLS::Connection_Side side,
                              Botan::TLS::Handshake_Type message) override;
  void tls_modify_extensions(Botan::TLS::Extensions& extensions, Botan::TLS::Connection_Side side,
                             Botan::TLS::Handshake_Type message) override;
  void tls_ssl_key_log_data(std::string_view label, std::span<const std::uint8_t>,
                            std::span<const std::uint8_t> secret) const override;

  const bool early_data_;
  std::unique_ptr<Botan::TLS::Client> client_;
};

/// Sends what is in client.out.
task<> send_out(net::Stream& stream, RawClient& client);
/// Gives the client what comes, until its handshake has ended as far as it is concerned, or until
/// the stream ends or the client fails. Sends nothing.
task<> take_flight(net::Stream& stream, RawClient& client);

/// A record with application data, sealed under a traffic secret of AES_256_GCM_SHA384 as its
/// first one (RFC 8446 §5.2 and §7.3).
Bytes seal_first_record(const Secret& traffic_secret, std::string_view data);

}  // namespace babilu::tls::testing
