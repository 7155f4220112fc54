#pragma once

#include <string>

#include "core/base/bytes.h"

namespace babilu::crypto {

/// A public key as a person compares it with another person, over the phone or on two screens: the
/// first 160 bits of its SHA-256 as ten groups of four hexadecimal digits, "2d71 1642 …". Nobody
/// finds a second key with the same ones. Anyone can make it by hand from the key's bytes with
/// `sha256sum`.
std::string fingerprint(ByteView public_key);

}  // namespace babilu::crypto
