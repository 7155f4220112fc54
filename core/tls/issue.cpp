#include "core/tls/issue.h"

#include <botan/ec_group.h>
#include <botan/ecdsa.h>
#include <botan/pubkey.h>
#include <botan/x509_ca.h>
#include <botan/x509_ext.h>
#include <botan/x509_key.h>

namespace babilu::tls {

namespace ext = Botan::Cert_Extension;

namespace {

constexpr const char* hash = "SHA-256";

Botan::X509_DN name_of(const std::string& common_name) {
  Botan::X509_DN name;
  name.add_attribute("X520.CommonName", common_name);
  name.add_attribute("X520.Organization", "Babilu");
  return name;
}

std::unique_ptr<Botan::Private_Key> make_key(Random& random) {
  return std::make_unique<Botan::ECDSA_PrivateKey>(random, Botan::EC_Group::from_name("secp256r1"));
}

Botan::X509_Certificate sign(const Botan::Private_Key& signing_key, const Botan::X509_DN& issuer,
                             const Botan::X509_DN& subject,
                             const std::vector<std::uint8_t>& public_key, const Validity& validity,
                             const Botan::Extensions& extensions, Random& random) {
  const auto signer = Botan::X509_Object::choose_sig_format(signing_key, random, hash, "");
  return Botan::X509_CA::make_cert(*signer, random, signer->algorithm_identifier(), public_key,
                                   Botan::X509_Time(validity.from),
                                   Botan::X509_Time(validity.until), issuer, subject, extensions);
}

}  // namespace

Issued issue_authority(const std::string& name, const Validity& validity, Random& random) {
  auto key = make_key(random);
  const auto public_key = Botan::X509::BER_encode(*key);
  auto key_id = std::make_unique<ext::Subject_Key_ID>(public_key, hash);
  Botan::Extensions extensions;
  extensions.add(std::make_unique<ext::Basic_Constraints>(true, 0), true);
  extensions.add(std::make_unique<ext::Key_Usage>(Botan::Key_Constraints::ca_constraints()), true);
  extensions.add(std::make_unique<ext::Authority_Key_ID>(key_id->get_key_id()));
  extensions.add(std::move(key_id));
  const Botan::X509_DN dn = name_of(name);
  return {sign(*key, dn, dn, public_key, validity, extensions, random), std::move(key)};
}

Issued issue(const Issued& authority, const Names& names, const Validity& validity,
             Random& random) {
  auto key = make_key(random);
  const auto public_key = Botan::X509::BER_encode(*key);
  Botan::Extensions extensions;
  extensions.add(std::make_unique<ext::Basic_Constraints>(false), true);
  extensions.add(std::make_unique<ext::Key_Usage>(
                     Botan::Key_Constraints(Botan::Key_Constraints::DigitalSignature)),
                 true);
  extensions.add(std::make_unique<ext::Extended_Key_Usage>(std::vector<Botan::OID>{
      Botan::OID::from_string("PKIX.ServerAuth"), Botan::OID::from_string("PKIX.ClientAuth")}));
  extensions.add(std::make_unique<ext::Authority_Key_ID>(authority.certificate.subject_key_id()));
  extensions.add(std::make_unique<ext::Subject_Key_ID>(public_key, hash));
  extensions.add(encode_names(names));
  return {sign(*authority.key, authority.certificate.subject_dn(), name_of(names.role), public_key,
               validity, extensions, random),
          std::move(key)};
}

}  // namespace babilu::tls
