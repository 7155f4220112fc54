#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Botan {
class Certificate_Extension;
class X509_Certificate;
}  // namespace Botan

namespace babilu::tls {

/// Who a certificate is for, as its subject alternative names say (RFC 5280 §4.2.1.6).
struct Names {
  /// Host names, and numbers of IP version 4 or 6.
  std::vector<std::string> hosts;
  /// Lower-case letters, digits and '-'. Becomes the URI urn:babilu:role:<role>.
  std::string role;
};

bool is_valid_role(std::string_view role) noexcept;
/// A number, or a DNS name without wildcard.
bool is_valid_host(std::string_view host) noexcept;

/// The extension that says `names`, all of which are valid.
std::unique_ptr<Botan::Certificate_Extension> encode_names(const Names& names);

/// Whether a certificate is for the host dialed (RFC 6125; numbers only if listed as numbers).
bool is_for_host(const Botan::X509_Certificate& certificate, std::string_view host);

/// The role of a certificate; nothing unless it has exactly one.
std::optional<std::string> role_of(const Botan::X509_Certificate& certificate);

}  // namespace babilu::tls
