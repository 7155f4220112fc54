#include "core/tls/credentials.h"

#include <algorithm>

#include <botan/ec_group.h>
#include <botan/ecdsa.h>
#include <botan/rng.h>
#include <botan/x509path.h>
#include <botan/x509self.h>

namespace babilu::tls {

namespace {

using Status = Botan::Certificate_Status_Code;

// Ours have one or two. Building paths through many certificates can be made very slow.
constexpr std::size_t max_chain = 4;
constexpr std::size_t minimum_strength = 110;  // bits: RSA of 2048 bits, P-256

Error explain(Status status) {
  switch (status) {
    case Status::CERT_ISSUER_NOT_FOUND:
    case Status::CANNOT_ESTABLISH_TRUST:
    case Status::CERT_CHAIN_LOOP:
    case Status::CHAIN_LACKS_TRUST_ROOT:
    case Status::SIGNATURE_ERROR:
      return Error::unknown_authority;
    case Status::CERT_HAS_EXPIRED:
      return Error::expired;
    case Status::CERT_NOT_YET_VALID:
      return Error::not_yet_valid;
    default:
      return Error::bad_certificate;
  }
}

}  // namespace

std::vector<Botan::X509_Certificate> Credentials::find_cert_chain(
    const std::vector<std::string>& key_types, const std::vector<Botan::AlgorithmIdentifier>&,
    const std::vector<Botan::X509_DN>&, const std::string&, const std::string&) {
  if (!key_) return {};
  const bool usable =
      std::find(key_types.begin(), key_types.end(), key_->algo_name()) != key_types.end();
  return usable ? chain_ : std::vector<Botan::X509_Certificate>();
}

std::shared_ptr<Botan::Private_Key> Credentials::private_key_for(const Botan::X509_Certificate&,
                                                                 const std::string&,
                                                                 const std::string&) {
  return key_;
}

boost::system::result<WallTime, Error> verify_chain(
    const std::vector<Botan::X509_Certificate>& chain, const Botan::Certificate_Store& authorities,
    Botan::Usage_Type usage, WallTime now) {
  if (chain.empty()) return Error::no_certificate;
  if (chain.size() > max_chain) return Error::bad_certificate;
  const Botan::Path_Validation_Restrictions restrictions(false, minimum_strength);
  const auto result = Botan::x509_path_validate(chain, restrictions, authorities, "", usage, now);
  if (!result.successful_validation()) return explain(result.result());
  WallTime until = WallTime::max();
  for (const auto& certificate : result.cert_path()) {
    until = std::min(until, certificate.not_after().to_std_timepoint());
  }
  return until;
}

std::shared_ptr<Credentials> make_ephemeral_credentials(Botan::RandomNumberGenerator& random,
                                                        std::chrono::system_clock::time_point now) {
  auto key =
      std::make_shared<Botan::ECDSA_PrivateKey>(random, Botan::EC_Group::from_name("secp256r1"));
  Botan::X509_Cert_Options options("ephemeral");
  options.start = Botan::X509_Time(now - std::chrono::hours(24));
  options.end = Botan::X509_Time(now + std::chrono::hours(24));
  std::vector<Botan::X509_Certificate> chain = {
      Botan::X509::create_self_signed_cert(options, *key, "SHA-256", random)};
  return std::make_shared<Credentials>(std::move(chain), std::move(key));
}

}  // namespace babilu::tls
