#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace babilu::crypto {

// Bytes as text. Neither direction looks bytes up in a table, so keys and tokens may pass through.
// Decoding is strict: each byte string has one base64 form and no other is taken, so that a token
// cannot be written in two ways. Cost: linear; the caller bounds the input.

/// Two lower-case digits a byte.
std::string to_hex(ByteView bytes);
/// Digits of either case, nothing else.
std::optional<Secret> from_hex(std::string_view text);

/// RFC 4648 §5, without padding: tokens, keys in addresses and on command lines.
std::string to_base64url(ByteView bytes);
std::optional<Secret> from_base64url(std::string_view text);

/// RFC 4648 §4, without padding: the form that stored password hashes use.
std::string to_base64(ByteView bytes);
std::optional<Secret> from_base64(std::string_view text);

}  // namespace babilu::crypto
