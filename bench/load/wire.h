#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// babilu/1 as the load program needs it (docs/protocol.md), without the project's own code: what
/// measures must not share the costs, or the mistakes, of what is measured.
namespace babilu::load {

static_assert(std::endian::native == std::endian::little, "headers are copied as they are");

struct Header {
  std::uint32_t size = 0;
  std::uint8_t kind = 0;
  std::uint8_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t stream = 0;
  std::uint32_t value = 0;
  std::uint32_t route = 0;
  std::uint16_t meta = 0;
  std::uint16_t hop = 0;
};
static_assert(sizeof(Header) == 24);

namespace kind {
inline constexpr std::uint8_t hello = 0;
inline constexpr std::uint8_t request = 1;
inline constexpr std::uint8_t reply = 3;
inline constexpr std::uint8_t ping = 6;
inline constexpr std::uint8_t pong = 7;
}  // namespace kind

inline constexpr std::uint8_t end = 1;
inline constexpr std::uint8_t retryable = 2;
inline constexpr std::uint16_t echo_method = 0x0101;
inline constexpr std::size_t header_bytes = sizeof(Header);
inline constexpr std::uint32_t frame_limit = 256 * 1024;

/// Versions 1 to 1.
inline constexpr std::string_view client_hello{"\x08\x01\x10\x01", 4};
/// The same, a streams_limit of 1,000,000, and the service echo: number 1, revision 1.
inline constexpr std::string_view server_hello{
    "\x08\x01\x10\x01\x20\xc0\x84\x3d\x3a\x0a\x08\x01\x12\x04"
    "echo\x18\x01",
    20};

inline Header header_at(const std::uint8_t* bytes) noexcept {
  Header header;
  std::memcpy(&header, bytes, header_bytes);
  return header;
}

/// Writes a frame and says where it ends.
inline std::uint8_t* put(std::uint8_t* out, Header header, std::string_view message) noexcept {
  header.size = static_cast<std::uint32_t>(message.size());
  std::memcpy(out, &header, header_bytes);
  std::memcpy(out + header_bytes, message.data(), message.size());
  return out + header_bytes + message.size();
}

}  // namespace babilu::load
