#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include <botan/certstor.h>
#include <botan/credentials_manager.h>
#include <botan/pk_keys.h>
#include <botan/tls_policy.h>
#include <botan/x509cert.h>

#include "core/tls/context.h"
#include "core/tls/error.h"
#include "core/tls/tickets.h"

/// Botan's side of a Context; internal to core/tls.
namespace babilu::tls {

/// What a connection is for.
enum class Use {
  plain,             ///< dialing, or listening without more
  gives_tickets,     ///< listening for clients, who may resume
  asks_certificate,  ///< listening for those who must show one
};

/// The algorithms that a Context documents.
/// Thread: any, shared by all connections.
std::shared_ptr<const Botan::TLS::Policy> connection_policy(Use use);

/// Gives Botan our chain and key, whatever it asks for that they can do.
class Credentials final : public Botan::Credentials_Manager {
 public:
  Credentials(std::vector<Botan::X509_Certificate> chain, std::shared_ptr<Botan::Private_Key> key)
      : chain_(std::move(chain)), key_(std::move(key)) {}

  const std::vector<Botan::X509_Certificate>& chain() const noexcept { return chain_; }

  std::vector<Botan::X509_Certificate> find_cert_chain(
      const std::vector<std::string>& key_types,
      const std::vector<Botan::AlgorithmIdentifier>& signature_schemes,
      const std::vector<Botan::X509_DN>& acceptable_authorities, const std::string& type,
      const std::string& context) override;
  std::shared_ptr<Botan::Private_Key> private_key_for(const Botan::X509_Certificate& certificate,
                                                      const std::string& type,
                                                      const std::string& context) override;

 private:
  const std::vector<Botan::X509_Certificate> chain_;
  const std::shared_ptr<Botan::Private_Key> key_;
};

struct Context::Parts {
  std::shared_ptr<Credentials> credentials;
  Botan::Certificate_Store_In_Memory authorities;
  /// A digest of what both came from; empty if that is not known.
  Bytes origin;
  std::shared_ptr<TicketKeys> ticket_keys = std::make_shared<TicketKeys>();
  std::shared_ptr<TicketStore> tickets = std::make_shared<TicketStore>();
};

/// Until when a chain of certificates leads to an authority, or what is wrong with it.
boost::system::result<WallTime, Error> verify_chain(
    const std::vector<Botan::X509_Certificate>& chain, const Botan::Certificate_Store& authorities,
    Botan::Usage_Type usage, WallTime now);

/// A certificate for nobody in particular, for connections whose ends are authenticated otherwise.
std::shared_ptr<Credentials> make_ephemeral_credentials(Botan::RandomNumberGenerator& random,
                                                        std::chrono::system_clock::time_point now);

}  // namespace babilu::tls
