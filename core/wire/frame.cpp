#include "core/wire/frame.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace babilu::wire {

namespace {

static_assert(std::endian::native == std::endian::little,
              "fields are copied as they lie in memory");

/// A foreign protocol shows in the first four bytes, read as a size.
FrameError explain_size(std::uint32_t size) noexcept {
  std::array<char, 4> text;
  std::memcpy(text.data(), &size, 4);
  const std::string_view start(text.data(), text.size());
  for (std::string_view method : {"GET ", "POST", "PUT ", "HEAD", "OPTI", "PRI ", "HTTP", "DELE"}) {
    if (start == method) return FrameError::looks_like_http;
  }
  // TLS records (RFC 8446 §5.1): handshake or alert, version 3.x.
  const bool tls = (text[0] == 0x16 || text[0] == 0x15) && text[1] == 3 && text[2] <= 4;
  return tls ? FrameError::looks_like_tls : FrameError::too_large;
}

}  // namespace

const char* to_string(Kind kind) noexcept {
  static constexpr std::array names{"hello",  "request", "item", "reply", "cancel",
                                    "credit", "ping",    "pong", "goaway"};
  const auto index = static_cast<std::size_t>(kind);
  return index < names.size() ? names[index] : "unknown";
}

const char* to_string(FrameError error) noexcept {
  switch (error) {
    case FrameError::none:
      return "no error";
    case FrameError::too_large:
      return "the frame is larger than the limit in hello; send large inputs in parts";
    case FrameError::unknown_kind:
      return "unknown frame kind; is this a babilu/1 client?";
    case FrameError::unknown_flags:
      return "unknown flag bits; version 1 defines the lowest three";
    case FrameError::misplaced_flags:
      return "a flag that frames of this kind do not have";
    case FrameError::inconsistent:
      return "hop and metadata are larger than the frame";
    case FrameError::wrong_stream:
      return "stream 0 is for hello, ping, pong and goaway only, and they for stream 0 only";
    case FrameError::looks_like_http:
      return "this looks like HTTP, but the port speaks babilu/1; HTTP is on the admin port";
    case FrameError::looks_like_tls:
      return "this looks like TLS, but the port was configured for plaintext";
  }
  return "unknown error";
}

FrameError explain(const Header& header, std::uint32_t frame_limit) noexcept {
  if (header.size > frame_limit) return explain_size(header.size);
  if (static_cast<std::uint8_t>(header.kind) >= kind_count) return FrameError::unknown_kind;
  if ((header.flags & ~flags::known) != 0) return FrameError::unknown_flags;
  if ((header.flags & ~flags::of_kind[static_cast<std::size_t>(header.kind)]) != 0) {
    return FrameError::misplaced_flags;
  }
  if (std::uint32_t{header.meta} + header.hop > header.size) return FrameError::inconsistent;
  return FrameError::wrong_stream;
}

}  // namespace babilu::wire
