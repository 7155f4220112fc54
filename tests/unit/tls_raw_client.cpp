#include "tests/unit/tls_raw_client.h"

#include <botan/aead.h>
#include <botan/mac.h>
#include <botan/tls_extensions_13.h>
#include <botan/tls_session_manager_noop.h>
#include <boost/asio/error.hpp>

namespace babilu::tls::testing {

namespace error = boost::asio::error;

RawClient::RawClient(Runtime& runtime, const RawPolicy& policy,
                     const std::vector<std::string>& protocols,
                     std::shared_ptr<Botan::TLS::Session_Manager> sessions)
    : early_data_(policy.early_data) {
  if (!sessions) sessions = std::make_shared<Botan::TLS::Session_Manager_Noop>();
  client_ = std::make_unique<Botan::TLS::Client>(
      std::shared_ptr<Botan::TLS::Callbacks>(std::shared_ptr<void>(), this), std::move(sessions),
      std::make_shared<Botan::Credentials_Manager>(), std::make_shared<RawPolicy>(policy),
      std::shared_ptr<Botan::RandomNumberGenerator>(std::shared_ptr<void>(), &runtime.random()),
      Botan::TLS::Server_Information("localhost"), Botan::TLS::Protocol_Version::TLS_V13,
      protocols);
}

RawClient::~RawClient() = default;

void RawClient::tls_examine_extensions(const Botan::TLS::Extensions& extensions,
                                       Botan::TLS::Connection_Side, Botan::TLS::Handshake_Type) {
  early_data_granted |= extensions.has<Botan::TLS::EarlyDataIndication>();
}

void RawClient::tls_modify_extensions(Botan::TLS::Extensions& extensions,
                                      Botan::TLS::Connection_Side, Botan::TLS::Handshake_Type) {
  if (!early_data_ || !extensions.has<Botan::TLS::PSK>()) return;
  extensions.add(std::make_unique<Botan::TLS::EarlyDataIndication>());
  // A ticket must be the last.
  extensions.reorder(
      {Botan::TLS::EarlyDataIndication::static_type(), Botan::TLS::PSK::static_type()});
}

void RawClient::tls_ssl_key_log_data(std::string_view label, std::span<const std::uint8_t>,
                                     std::span<const std::uint8_t> secret) const {
  const_cast<RawClient*>(this)->secrets[std::string(label)].assign(secret.begin(), secret.end());
}

task<> send_out(net::Stream& stream, RawClient& client) {
  const Bytes out = std::exchange(client.out, {});
  (void)co_await net::write_all(stream, out);
}

task<> take_flight(net::Stream& stream, RawClient& client) {
  std::uint8_t buffer[4096];
  while (!client.client().is_handshake_complete()) {
    const net::Transfer got = stream.read_some(buffer);
    try {
      client.client().received_data(buffer, got.bytes);
    } catch (const std::exception&) {
      co_return;
    }
    if (!got.error) continue;
    if (got.error != error::would_block || co_await stream.readable()) co_return;
  }
}

namespace {

Secret expand_label(const Secret& secret, std::string_view label, std::size_t size) {
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-384)");
  mac->set_key(secret);
  mac->update_be(static_cast<std::uint16_t>(size));
  mac->update(static_cast<std::uint8_t>(6 + label.size()));
  mac->update("tls13 ");
  mac->update(label);
  mac->update(std::uint8_t{0});
  mac->update(std::uint8_t{1});
  Secret key = mac->final();
  key.resize(size);
  return key;
}

}  // namespace

Bytes seal_first_record(const Secret& traffic_secret, std::string_view data) {
  const auto aead = Botan::AEAD_Mode::create_or_throw("AES-256/GCM", Botan::Cipher_Dir::Encryption);
  const std::size_t size = data.size() + 1 + 16;
  Bytes record = {23, 3, 3, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
  Secret content(data.begin(), data.end());
  content.push_back(23);
  aead->set_key(expand_label(traffic_secret, "key", 32));
  aead->set_associated_data(record);
  aead->start(expand_label(traffic_secret, "iv", 12));
  aead->finish(content);
  record.insert(record.end(), content.begin(), content.end());
  return record;
}

}  // namespace babilu::tls::testing
