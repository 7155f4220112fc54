#include "core/tls/alerts.h"

namespace babilu::tls {

using Botan::TLS::AlertType;

Error explain(const Botan::TLS::Alert& alert) {
  switch (alert.type()) {
    case AlertType::UnknownCA:
    case AlertType::BadCertificate:
    case AlertType::UnsupportedCertificate:
    case AlertType::CertificateRevoked:
    case AlertType::CertificateUnknown:
      return Error::we_are_untrusted;
    case AlertType::CertificateExpired:
      return Error::we_are_expired;
    case AlertType::AccessDenied:
      return Error::we_have_wrong_role;
    case AlertType::CertificateRequired:
      return Error::we_sent_no_certificate;
    case AlertType::ProtocolVersion:
      return Error::old_version;
    case AlertType::NoApplicationProtocol:
      return Error::no_common_protocol;
    case AlertType::HandshakeFailure:
    case AlertType::InsufficientSecurity:
      return Error::no_common_algorithms;
    case AlertType::BadRecordMac:
      return Error::altered;
    default:
      return Error::we_were_refused;
  }
}

Error explain(const Botan::TLS::TLS_Exception& failure) {
  switch (failure.type()) {
    case AlertType::ProtocolVersion:
      return Error::old_version;
    case AlertType::HandshakeFailure:
    case AlertType::InsufficientSecurity:
      return Error::no_common_algorithms;
    case AlertType::CertificateRequired:
      return Error::no_certificate;
    case AlertType::BadCertificate:
    case AlertType::DecryptError:
      return Error::bad_certificate;
    case AlertType::BadRecordMac:
      return Error::altered;
    case AlertType::InternalError:
      return Error::internal;
    default:
      return Error::protocol_violation;
  }
}

AlertType alert_for(Error error) {
  switch (error) {
    case Error::unknown_authority:
      return AlertType::UnknownCA;
    case Error::expired:
    case Error::not_yet_valid:
      return AlertType::CertificateExpired;
    case Error::wrong_name:
      return AlertType::CertificateUnknown;
    case Error::wrong_role:
      return AlertType::AccessDenied;
    case Error::no_certificate:
      return AlertType::CertificateRequired;
    case Error::bad_certificate:
      return AlertType::BadCertificate;
    case Error::no_common_protocol:
      return AlertType::NoApplicationProtocol;
    default:
      return AlertType::UnexpectedMessage;
  }
}

}  // namespace babilu::tls
