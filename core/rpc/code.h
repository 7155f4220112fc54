#pragma once

#include <cstdint>
#include <string_view>

namespace babilu::rpc {

/// gRPC's canonical status codes, with their numbers
/// (https://grpc.io/docs/guides/status-codes/).
enum class Code : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};
inline constexpr std::uint8_t code_count = 17;

const char* to_string(Code code) noexcept;
/// What a caller should make of it, for docs/protocol.md.
std::string_view meaning_of(Code code) noexcept;

/// Codes above 16 become unknown.
inline Code code_from_wire(std::uint32_t value) noexcept {
  return value < code_count ? static_cast<Code>(value) : Code::unknown;
}

}  // namespace babilu::rpc
