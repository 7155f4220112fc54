#pragma once

#include <botan/tls_alert.h>
#include <botan/tls_exceptn.h>

#include "core/tls/error.h"

/// Alerts (RFC 8446 §6.2) as errors, and back; internal to core/tls.
namespace babilu::tls {

/// What an alert of the other side says about us.
Error explain(const Botan::TLS::Alert& alert);

/// Why Botan itself gave up.
Error explain(const Botan::TLS::TLS_Exception& failure);

/// The alert that tells the other side.
Botan::TLS::AlertType alert_for(Error error);

}  // namespace babilu::tls
