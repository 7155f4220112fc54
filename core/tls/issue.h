#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <botan/pk_keys.h>
#include <botan/x509cert.h>

#include "core/runtime/runtime.h"
#include "core/tls/names.h"

/// Making certificates; internal to core/tls and its tests.
namespace babilu::tls {

struct Validity {
  std::chrono::system_clock::time_point from;
  std::chrono::system_clock::time_point until;
};

/// A certificate and its key, ECDSA on P-256: the fastest signature of those that Botan's TLS
/// takes.
struct Issued {
  Botan::X509_Certificate certificate;
  std::unique_ptr<Botan::Private_Key> key;
};

/// An authority that signs the certificates of services itself, and no other authority.
Issued issue_authority(const std::string& name, const Validity& validity, Random& random);

/// A certificate that may accept and dial.
Issued issue(const Issued& authority, const Names& names, const Validity& validity, Random& random);

}  // namespace babilu::tls
