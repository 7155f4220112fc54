#include "core/tls/certificates.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <botan/pkcs8.h>

#include "core/crypto/encoding.h"
#include "core/crypto/secret.h"
#include "core/tls/issue.h"
#include "core/tls/new_directory.h"

namespace babilu::tls {

namespace fs = std::filesystem;
using Readers = NewDirectory::Readers;
using Time = std::chrono::system_clock::time_point;

namespace {

constexpr std::size_t secret_bytes = 32;
// Clocks of machines differ; a certificate made on one is valid on another at once.
constexpr std::chrono::hours clock_difference{1};

std::optional<CredentialError> check(const DevelopmentCertificates& wanted) {
  for (const std::string& host : wanted.hosts) {
    if (!is_valid_host(host)) {
      return CredentialError{wanted.directory,
                             "'" + host + "' is not a host name or IP number to certify"};
    }
  }
  for (const std::string& role : wanted.roles) {
    const bool taken = role == "authority" || role == "vault" || role == "admin";
    if (!is_valid_role(role) || taken) {
      return CredentialError{wanted.directory, "'" + role + "' cannot be the name of a role"};
    }
  }
  return std::nullopt;
}

void add_key(NewDirectory& directory, const fs::path& name, const Botan::Private_Key& key) {
  std::string pem = Botan::PKCS8::PEM_encode(key);
  directory.add(name, pem, Readers::owner);
  crypto::wipe({reinterpret_cast<std::uint8_t*>(pem.data()), pem.size()});
}

void add_certificates(NewDirectory& directory, const DevelopmentCertificates& wanted,
                      Random& random, Time now) {
  const Validity validity{now - clock_difference, now + wanted.validity};
  const Issued authority = issue_authority("Babilu development authority", validity, random);
  directory.add("ca.pem", authority.certificate.PEM_encode(), Readers::everyone);
  add_key(directory, "authority/key.pem", *authority.key);

  Names names{{"localhost", "127.0.0.1", "::1"}, {}};
  names.hosts.insert(names.hosts.end(), wanted.hosts.begin(), wanted.hosts.end());
  for (const std::string& role : wanted.roles) {
    names.role = role;
    const Issued issued = issue(authority, names, validity, random);
    directory.add(fs::path(role) / "certificate.pem", issued.certificate.PEM_encode(),
                  Readers::everyone);
    add_key(directory, fs::path(role) / "key.pem", *issued.key);
  }
}

/// A secret as text. An old one that cannot be read must not give way to a new one.
std::string read_or_make(const fs::path& old, Random& random) {
  if (old.empty() || !fs::exists(old)) {
    return crypto::to_base64url(crypto::random_secret(random, secret_bytes)) + "\n";
  }
  std::ifstream in(old, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in || text.empty()) {
    throw fs::filesystem_error("", old, std::make_error_code(std::errc::permission_denied));
  }
  return text;
}

void add_secret(NewDirectory& directory, const fs::path& name, const fs::path& old,
                Random& random) {
  std::string text = read_or_make(old.empty() ? old : old / name, random);
  directory.add(name, text, Readers::owner);
  crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

CredentialError explain(const fs::filesystem_error& failure, const fs::path& directory) {
  if (failure.code() == std::errc::file_exists) {
    return {directory,
            "exists already, and nothing in it was changed; use it, renew it, or name another"};
  }
  if (failure.code() == std::errc::device_or_resource_busy) {
    return {directory, "is a mount point, which cannot be replaced; name a directory inside it"};
  }
  return {failure.path1().empty() ? directory : failure.path1(),
          "cannot be written or read: " + failure.code().message()};
}

}  // namespace

std::optional<CredentialError> create_development_certificates(
    const DevelopmentCertificates& wanted, Random& random, Time now) {
  if (auto problem = check(wanted)) return problem;
  try {
    if (!wanted.renew && fs::exists(wanted.directory) && !fs::is_empty(wanted.directory)) {
      throw fs::filesystem_error("", std::make_error_code(std::errc::file_exists));
    }
    NewDirectory directory(wanted.directory);
    const fs::path old = wanted.renew ? wanted.directory : fs::path();
    add_certificates(directory, wanted, random, now);
    add_secret(directory, "vault/master.key", old, random);
    add_secret(directory, "admin/token", old, random);
    directory.publish(wanted.renew);
  } catch (const fs::filesystem_error& failure) {
    return explain(failure, wanted.directory);
  }
  return std::nullopt;
}

}  // namespace babilu::tls
