#include "core/rpc/request_id.h"

#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace babilu::rpc {

std::string make_request_id(crypto::Random& random) {
  std::array<std::uint8_t, 8> bytes{};
  crypto::fill_random(random, bytes);
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

}  // namespace babilu::rpc
