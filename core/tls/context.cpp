#include "core/tls/context.h"

#include <algorithm>
#include <stdexcept>

#include <botan/asn1_time.h>
#include <botan/data_src.h>
#include <botan/pkcs8.h>

#include "core/base/bytes.h"
#include "core/base/input_file.h"
#include "core/base/private_file.h"
#include "core/crypto/digest.h"
#include "core/tls/credentials.h"

namespace babilu::tls {

namespace fs = std::filesystem;
template <class T>
using Loaded = boost::system::result<T, CredentialError>;
using Certificates = std::vector<Botan::X509_Certificate>;
using Time = std::chrono::system_clock::time_point;

namespace {

constexpr std::size_t max_file = 1024 * 1024;
constexpr std::string_view begin_certificate = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view end_certificate = "-----END CERTIFICATE-----";

/// Read as a Secret, because it may be a key.
Loaded<Secret> read_pem(const fs::path& path, Pipes pipes) {
  auto content = read_file(path, max_file, pipes);
  if (content) return std::move(*content);
  return CredentialError{path, "cannot be read: " + content.error() +
                                   "; correct the path, or create certificates with "
                                   "'babilu certificates init'"};
}

Loaded<Certificates> read_certificates(const fs::path& path, Pipes pipes) {
  const auto content = read_pem(path, pipes);
  if (!content) return content.error();
  std::string_view text = text_of(*content);
  Certificates certificates;
  for (;;) {
    const auto begin = text.find(begin_certificate);
    if (begin == std::string_view::npos) break;
    const auto end = text.find(end_certificate, begin);
    if (end == std::string_view::npos) return CredentialError{path, "ends within a certificate"};
    const auto size = end + end_certificate.size() - begin;
    try {
      Botan::DataSource_Memory source(bytes_of(text.substr(begin, size)));
      certificates.emplace_back(source);
    } catch (const std::exception&) {
      return CredentialError{path, "holds a certificate that cannot be decoded"};
    }
    text.remove_prefix(begin + size);
  }
  if (certificates.empty()) {
    return CredentialError{path, "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"};
  }
  return certificates;
}

Loaded<std::shared_ptr<Botan::Private_Key>> read_key(const fs::path& path, Pipes pipes) {
  const auto content = read_pem(path, pipes);
  if (!content) return content.error();
  if (text_of(*content).find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos) {
    return CredentialError{path,
                           "is protected by a password; store the key without one, readable by "
                           "the service alone"};
  }
  for (const std::string_view form : {"EC PRIVATE KEY", "RSA PRIVATE KEY"}) {
    if (text_of(*content).find("-----BEGIN " + std::string(form)) == std::string_view::npos)
      continue;
    return CredentialError{path, "holds a key in the older form \"" + std::string(form) +
                                     "\"; convert it: openssl pkcs8 -topk8 -nocrypt -in " +
                                     path.string() + " -out NEW.pem"};
  }
  std::shared_ptr<Botan::Private_Key> key;
  try {
    Botan::DataSource_Memory source(*content);
    key = Botan::PKCS8::load_key(source);
  } catch (const std::exception&) {
    return CredentialError{
        path, "holds no private key in PKCS #8 PEM form (-----BEGIN PRIVATE KEY-----)"};
  }
  const std::string algorithm = key->algo_name();
  const std::size_t bits = key->key_length();
  const bool usable = (algorithm == "ECDSA" && (bits == 256 || bits == 384)) ||
                      (algorithm == "RSA" && bits >= 2048);
  if (!usable) {
    return CredentialError{path,
                           "holds a key of a kind that cannot be used (" + algorithm + ", " +
                               std::to_string(bits) +
                               " bits); use ECDSA on P-256 or P-384, or RSA of 2048 bits or more"};
  }
  if (auto open = open_to_everybody(path)) return CredentialError{path, std::move(*open)};
  return key;
}

std::optional<CredentialError> check_time(const fs::path& path,
                                          const Botan::X509_Certificate& certificate, Time now) {
  const Botan::X509_Time time(now);
  if (time > certificate.not_after()) {
    return CredentialError{path, "expired at " + certificate.not_after().readable_string() +
                                     "; renew the certificate, or set this machine's clock"};
  }
  if (time < certificate.not_before()) {
    return CredentialError{path, "is valid only from " +
                                     certificate.not_before().readable_string() +
                                     "; set this machine's clock"};
  }
  return std::nullopt;
}

void append(Bytes& to, const Botan::X509_Certificate& certificate) {
  const auto encoded = certificate.BER_encode();
  to.insert(to.end(), encoded.begin(), encoded.end());
}

Loaded<std::shared_ptr<Credentials>> load_own(const Files& files, Time now, Pipes pipes) {
  if (files.certificate.empty() && files.key.empty()) {
    return std::make_shared<Credentials>(Certificates(), nullptr);
  }
  if (files.key.empty())
    return CredentialError{files.certificate, "needs its private key beside it"};
  if (files.certificate.empty())
    return CredentialError{files.key, "needs its certificate beside it"};
  auto chain = read_certificates(files.certificate, pipes);
  if (!chain) return chain.error();
  auto key = read_key(files.key, pipes);
  if (!key) return key.error();
  if (chain->front().subject_public_key_bitstring() != (*key)->public_key_bits()) {
    return CredentialError{files.key, "is not the key of the certificate in " +
                                          files.certificate.string() + "; they come in pairs"};
  }
  if (auto problem = check_time(files.certificate, chain->front(), now)) return *problem;
  return std::make_shared<Credentials>(std::move(*chain), std::move(*key));
}

std::optional<CredentialError> load_authorities(const fs::path& path, Time now, Pipes pipes,
                                                Context::Parts& out, Bytes& origin) {
  const auto certificates = read_certificates(path, pipes);
  if (!certificates) return certificates.error();
  std::optional<CredentialError> last;
  bool any_valid = false;
  for (const auto& certificate : *certificates) {
    if (!certificate.is_CA_cert() || !certificate.is_self_signed()) {
      return CredentialError{path,
                             "holds a certificate that is not an authority's own (self-signed, "
                             "CA:TRUE): " +
                                 certificate.subject_dn().to_string()};
    }
    auto problem = check_time(path, certificate, now);
    any_valid = any_valid || !problem;
    last = std::move(problem);
    out.authorities.add_certificate(certificate);
    append(origin, certificate);
  }
  return any_valid ? std::nullopt : last;
}

}  // namespace

void throw_exception_from_error(const CredentialError& error, const boost::source_location&) {
  throw std::runtime_error(error.to_string());
}

Context::Context(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Context::~Context() = default;

boost::system::result<ContextPtr, CredentialError> Context::load(const Files& files, Time now,
                                                                 const ContextPtr& previous) {
  // What is loaded again is loaded by a loop that must go on.
  const Pipes pipes = previous ? Pipes::refuse : Pipes::wait;
  auto parts = std::make_unique<Parts>();
  auto own = load_own(files, now, pipes);
  if (!own) return own.error();
  parts->credentials = std::move(*own);
  Bytes origin;
  for (const auto& certificate : parts->credentials->chain()) append(origin, certificate);
  origin.push_back(0);  // no certificate begins so: here authorities begin
  if (!files.authority.empty()) {
    if (auto problem = load_authorities(files.authority, now, pipes, *parts, origin))
      return *problem;
  }
  const auto digest = crypto::sha256(origin);
  parts->origin.assign(digest.begin(), digest.end());
  if (previous && previous->parts().origin == parts->origin) {
    parts->ticket_keys = previous->parts().ticket_keys;
    parts->tickets = previous->parts().tickets;
  }
  return std::make_shared<const Context>(std::move(parts));
}

Time Context::valid_until() const {
  const auto& chain = parts_->credentials->chain();
  if (chain.empty()) return Time::max();
  Time end = Time::max();
  for (const auto& certificate : chain) {
    end = std::min(end, certificate.not_after().to_std_timepoint());
  }
  const auto issuers = parts_->authorities.find_all_certs(chain.back().issuer_dn(), {});
  if (issuers.empty()) return end;
  // One that is renewed under its old name is there twice for a while.
  Time last = Time::min();
  for (const auto& issuer : issuers) last = std::max(last, issuer.not_after().to_std_timepoint());
  return std::min(end, last);
}

}  // namespace babilu::tls
