#include "core/wire/frame.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/base/spare.h"

namespace babilu::wire {

namespace {

static_assert(std::endian::native == std::endian::little,
              "fields are copied as they lie in memory");

template <class Integer>
Integer load(const std::uint8_t* at) noexcept {
  Integer value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

bool belongs_to_a_stream(Kind kind) noexcept {
  switch (kind) {
    case Kind::request:
    case Kind::item:
    case Kind::reply:
    case Kind::cancel:
    case Kind::credit:
      return true;
    case Kind::hello:
    case Kind::ping:
    case Kind::pong:
    case Kind::goaway:
      return false;
  }
  return false;
}

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

void encode(const Header& header, std::uint8_t (&out)[header_bytes]) noexcept {
  // As three words: a large read right behind small writes would wait for them.
  const auto kind = static_cast<std::uint64_t>(header.kind);
  const std::array<std::uint64_t, 3> words{
      header.size | kind << 32 | std::uint64_t{header.flags} << 40 |
          std::uint64_t{header.method} << 48,
      header.stream | std::uint64_t{header.value} << 32,
      header.route | std::uint64_t{header.meta} << 32 | std::uint64_t{header.hop} << 48};
  std::memcpy(out, words.data(), header_bytes);
}

Header decode(std::span<const std::uint8_t, header_bytes> bytes) noexcept {
  const std::uint8_t* at = bytes.data();
  return {.size = load<std::uint32_t>(at),
          .kind = static_cast<Kind>(at[4]),
          .flags = at[5],
          .method = load<std::uint16_t>(at + 6),
          .stream = load<std::uint32_t>(at + 8),
          .value = load<std::uint32_t>(at + 12),
          .route = load<std::uint32_t>(at + 16),
          .meta = load<std::uint16_t>(at + 20),
          .hop = load<std::uint16_t>(at + 22)};
}

FrameError check(const Header& header, std::uint32_t frame_limit) noexcept {
  if (header.size > frame_limit) return explain_size(header.size);
  if (static_cast<std::uint8_t>(header.kind) >= kind_count) return FrameError::unknown_kind;
  if ((header.flags & ~flags::known) != 0) return FrameError::unknown_flags;
  if (std::uint32_t{header.meta} + header.hop > header.size) return FrameError::inconsistent;
  if (belongs_to_a_stream(header.kind) != (header.stream != 0)) return FrameError::wrong_stream;
  return FrameError::none;
}

void append(Bytes& out, const Header& head, ByteView hop, ByteView meta, ByteView message) {
  const Header header{.size = static_cast<std::uint32_t>(hop.size() + meta.size() + message.size()),
                      .kind = head.kind,
                      .flags = head.flags,
                      .method = head.method,
                      .stream = head.stream,
                      .value = head.value,
                      .route = head.route,
                      .meta = static_cast<std::uint16_t>(meta.size()),
                      .hop = static_cast<std::uint16_t>(hop.size())};
  const std::size_t end = out.size() + header_bytes + header.size;
  // Many frames gather in one buffer: it grows by doubling, as a vector does by itself, but not
  // from the size of one frame.
  if (out.capacity() == 0) out = SpareBuffers::of_this_thread().take(end);
  if (end > out.capacity()) out.reserve(std::max(end, 2 * out.capacity()));
  std::uint8_t encoded[header_bytes];
  encode(header, encoded);
  out.insert(out.end(), encoded, encoded + header_bytes);
  for (const ByteView part : {hop, meta, message}) {
    if (!part.empty()) out.insert(out.end(), part.data(), part.data() + part.size());
  }
}

}  // namespace babilu::wire
