#pragma once

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/crypto/encoding.h"

namespace babilu::vectors {

/// The bytes of a vector; throws if it is mistyped.
inline Bytes unhex(std::string_view hex) {
  const auto bytes = crypto::from_hex(hex);
  if (!bytes) throw std::invalid_argument("not hexadecimal: " + std::string(hex));
  return {bytes->begin(), bytes->end()};
}

/// The same for a value of fixed size.
template <std::size_t size>
std::array<std::uint8_t, size> unhex_array(std::string_view hex) {
  const Bytes bytes = unhex(hex);
  if (bytes.size() != size) throw std::invalid_argument("wrong size: " + std::string(hex));
  std::array<std::uint8_t, size> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

}  // namespace babilu::vectors
