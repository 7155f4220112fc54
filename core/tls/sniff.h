#pragma once

#include <cstddef>
#include <optional>

#include "core/base/bytes.h"
#include "core/tls/error.h"

namespace babilu::tls {

/// Bytes that are always enough for sniff to decide.
inline constexpr std::size_t sniff_bytes = 24;

/// Which protocol a connection that begins so speaks: no error for TLS, an Error for another;
/// nothing while more bytes are needed to tell.
std::optional<boost::system::error_code> sniff(ByteView first_bytes) noexcept;

}  // namespace babilu::tls
