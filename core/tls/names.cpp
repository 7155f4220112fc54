#include "core/tls/names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include <botan/ber_dec.h>
#include <botan/der_enc.h>
#include <botan/pkix_types.h>
#include <botan/x509cert.h>

namespace babilu::tls {

namespace {

constexpr std::string_view role_prefix = "urn:babilu:role:";
constexpr std::size_t max_role = 32;

// Tags of GeneralName.
constexpr int dns_tag = 2;
constexpr int uri_tag = 6;
constexpr int address_tag = 7;

template <std::size_t size>
std::optional<std::array<std::uint8_t, size>> parse_number(int family, std::string_view text) {
  std::array<std::uint8_t, size> number;
  if (inet_pton(family, std::string(text).c_str(), number.data()) != 1) return std::nullopt;
  return number;
}

auto parse_v4(std::string_view text) {
  return parse_number<4>(AF_INET, text);
}
auto parse_v6(std::string_view text) {
  return parse_number<16>(AF_INET6, text);
}

const Botan::OID& alternative_names_oid() {
  static const Botan::OID oid{2, 5, 29, 17};
  return oid;
}

/// Botan's own extension knows no IPv6 numbers.
class NamesExtension final : public Botan::Certificate_Extension {
 public:
  explicit NamesExtension(std::vector<std::uint8_t> bits) : bits_(std::move(bits)) {}

  Botan::OID oid_of() const override { return alternative_names_oid(); }
  std::string oid_name() const override { return "X509v3.SubjectAlternativeName"; }
  std::unique_ptr<Certificate_Extension> copy() const override {
    return std::make_unique<NamesExtension>(bits_);
  }

 private:
  std::vector<std::uint8_t> encode_inner() const override { return bits_; }
  void decode_inner(const std::vector<std::uint8_t>& bits) override { bits_ = bits; }

  std::vector<std::uint8_t> bits_;
};

template <class Container>
void encode_name(Botan::DER_Encoder& out, int tag, const Container& value) {
  out.add_object(static_cast<Botan::ASN1_Type>(tag), Botan::ASN1_Class::ContextSpecific,
                 reinterpret_cast<const std::uint8_t*>(value.data()), value.size());
}

bool lists_v6(const Botan::X509_Certificate& certificate,
              const std::array<std::uint8_t, 16>& number) {
  if (!certificate.v3_extensions().extension_set(alternative_names_oid())) return false;
  const auto bits = certificate.v3_extensions().get_extension_bits(alternative_names_oid());
  Botan::BER_Decoder names = Botan::BER_Decoder(bits).start_sequence();
  while (names.more_items()) {
    const Botan::BER_Object name = names.get_next_object();
    const bool is_number = name.is_a(address_tag, Botan::ASN1_Class::ContextSpecific);
    if (is_number &&
        std::equal(name.bits(), name.bits() + name.length(), number.begin(), number.end())) {
      return true;
    }
  }
  return false;
}

bool is_letter_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_valid_role(std::string_view role) noexcept {
  return !role.empty() && role.size() <= max_role &&
         std::all_of(role.begin(), role.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool is_valid_host(std::string_view host) noexcept {
  if (parse_v4(host) || parse_v6(host)) return true;
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.back() == '.') return false;
  return host.find("..") == std::string_view::npos &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

std::unique_ptr<Botan::Certificate_Extension> encode_names(const Names& names) {
  std::vector<std::uint8_t> bits;
  Botan::DER_Encoder out(bits);
  out.start_sequence();
  for (const std::string& host : names.hosts) {
    if (const auto v4 = parse_v4(host)) {
      encode_name(out, address_tag, *v4);
    } else if (const auto v6 = parse_v6(host)) {
      encode_name(out, address_tag, *v6);
    } else {
      encode_name(out, dns_tag, host);
    }
  }
  encode_name(out, uri_tag, std::string(role_prefix) + names.role);
  out.end_cons();
  return std::make_unique<NamesExtension>(std::move(bits));
}

bool is_for_host(const Botan::X509_Certificate& certificate, std::string_view host) {
  if (const auto v6 = parse_v6(host)) return lists_v6(certificate, *v6);
  return certificate.matches_dns_name(host);
}

std::optional<std::string> role_of(const Botan::X509_Certificate& certificate) {
  std::optional<std::string> role;
  for (const std::string& uri : certificate.subject_alt_name().uris()) {
    if (!uri.starts_with(role_prefix)) continue;
    if (role) return std::nullopt;
    role = uri.substr(role_prefix.size());
  }
  if (role && !is_valid_role(*role)) return std::nullopt;
  return role;
}

}  // namespace babilu::tls
