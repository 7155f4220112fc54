#include "core/tls/error.h"

#include <boost/asio/error.hpp>

#include <string>

namespace babilu::tls {

namespace {

const char* sentence(Error error) noexcept {
  switch (error) {
    case Error::plaintext_babilu:
      return "the other side speaks babilu/1 in plaintext, but this port wants TLS; give the "
             "client its authority file (--ca)";
    case Error::http:
      return "the other side speaks HTTP, but this port speaks babilu/1 over TLS; the admin "
             "endpoint has a port of its own";
    case Error::not_tls:
      return "the other side does not speak TLS";
    case Error::unknown_authority:
      return "the other side's certificate is not from an authority that is trusted here; check "
             "that both sides use certificates of the same authority";
    case Error::expired:
      return "the other side's certificate, or its authority's, has expired; renew it, or set "
             "this machine's clock";
    case Error::not_yet_valid:
      return "the other side's certificate is not valid yet; set the clocks of both machines";
    case Error::wrong_name:
      return "the other side's certificate is for another name; dial a name that it lists, or "
             "issue one that lists the name dialed";
    case Error::wrong_role:
      return "the other side's certificate is for another role than the one needed here";
    case Error::no_certificate:
      return "the other side sent no certificate, but one is required here";
    case Error::bad_certificate:
      return "the other side's certificate cannot be used: malformed, too weak, not for this use, "
             "or not signed as it says";
    case Error::old_version:
      return "the other side offers no TLS 1.3";
    case Error::no_common_protocol:
      return "the other side does not speak babilu/1 (no such ALPN protocol)";
    case Error::no_common_algorithms:
      return "the other side shares no algorithms: X25519MLKEM768, X25519 or P-256; AES-GCM or "
             "ChaCha20-Poly1305; ECDSA or RSA-PSS are needed";
    case Error::protocol_violation:
      return "the other side broke the rules of TLS";
    case Error::altered:
      return "a record did not decrypt: it was altered on its way, or forged";
    case Error::truncated:
      return "the connection ended without notice, so bytes may be missing";
    case Error::closed_in_handshake:
      return "the other side closed the connection during the TLS handshake";
    case Error::handshake_timed_out:
      return "the TLS handshake took too long";
    case Error::we_are_untrusted:
      return "the other side does not trust our certificate; check that both sides use "
             "certificates of the same authority, for the names they dial";
    case Error::we_are_expired:
      return "the other side says that our certificate has expired; renew it, or set its clock";
    case Error::we_have_wrong_role:
      return "the other side wants another role than our certificate's";
    case Error::we_sent_no_certificate:
      return "the other side requires a certificate, and we have none to show";
    case Error::we_were_refused:
      return "the other side ended the connection with a TLS alert";
    case Error::no_own_certificate:
      return "a certificate and its key are needed to accept TLS connections";
    case Error::internal:
      return "TLS failed for an internal reason";
  }
  return "unknown TLS error";
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int value) const override { return sentence(static_cast<Error>(value)); }
};

}  // namespace

const boost::system::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

bool left_in_handshake(const boost::system::error_code& error) noexcept {
  return error == boost::asio::error::eof || error == boost::asio::error::connection_reset ||
         error == Error::closed_in_handshake;
}

}  // namespace babilu::tls
