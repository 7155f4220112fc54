#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/base/buffer.h"
#include "core/base/bytes.h"

/// The unit on the wire. docs/protocol.md is the specification; nothing here does I/O.
namespace babilu::wire {

enum class Kind : std::uint8_t {
  hello = 0,
  request = 1,
  item = 2,
  reply = 3,
  cancel = 4,
  credit = 5,
  ping = 6,
  pong = 7,
  goaway = 8,
};
inline constexpr std::uint8_t kind_count = 9;

const char* to_string(Kind kind) noexcept;

namespace flags {
inline constexpr std::uint8_t end = 1;        ///< this side sends no more on the stream
inline constexpr std::uint8_t retryable = 2;  ///< may be sent again when a link broke
inline constexpr std::uint8_t unstarted = 4;  ///< a reply: the request had no effect at all
inline constexpr std::uint8_t known = end | retryable | unstarted;

/// Those that a frame may have, by its kind.
inline constexpr std::array<std::uint8_t, kind_count> of_kind{
    0, end | retryable, end, end | unstarted, 0, 0, 0, 0, 0};
}  // namespace flags

/// The 24 bytes in front of each frame, little-endian on the wire.
struct Header {
  std::uint32_t size = 0;  ///< bytes after the header: hop, metadata, message
  Kind kind = Kind::ping;
  std::uint8_t flags = 0;
  std::uint16_t method = 0;  ///< service × 256 + number
  std::uint32_t stream = 0;  ///< 0 is the connection itself
  std::uint32_t value = 0;  ///< request: ms left; reply: status; credit: bytes; goaway: last stream
  std::uint32_t route = 0;  ///< affinity key, 0 for any
  std::uint16_t meta = 0;   ///< bytes of metadata
  std::uint16_t hop = 0;    ///< bytes of hop data, in front of the metadata

  bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
  friend bool operator==(const Header&, const Header&) = default;
};

inline constexpr std::size_t header_bytes = 24;

/// Most bytes after a header, unless a hello lowers it. Checked before anything is allocated.
inline constexpr std::uint32_t default_frame_limit = 256 * 1024;

/// The same for the first frame of a connection. A stranger gets no more memory than this, and
/// another protocol is told by its first bytes: as a size they are larger.
inline constexpr std::uint32_t hello_limit = 16 * 1024;

static_assert(std::endian::native == std::endian::little && sizeof(Header) == header_bytes &&
                  offsetof(Header, flags) == 5 && offsetof(Header, method) == 6 &&
                  offsetof(Header, route) == 16 && offsetof(Header, hop) == 22,
              "a header lies in memory as it does on the wire");

inline void encode(const Header& header, std::uint8_t (&out)[header_bytes]) noexcept {
  std::memcpy(out, &header, header_bytes);
}
/// Takes any 24 bytes; check() says whether they make sense.
inline Header decode(std::span<const std::uint8_t, header_bytes> bytes) noexcept {
  Header header;
  std::memcpy(&header, bytes.data(), header_bytes);
  return header;
}

/// What is wrong with a frame. Each is fatal for its connection.
enum class FrameError : std::uint8_t {
  none,
  too_large,  ///< size above the limit
  unknown_kind,
  unknown_flags,
  misplaced_flags,  ///< flags that its kind does not have
  inconsistent,     ///< hop and metadata larger than the frame
  wrong_stream,     ///< stream 0 for a kind that needs one, or the reverse
  looks_like_http,
  looks_like_tls,
};

/// A sentence for whoever sent the frame: what is wrong, and what to do.
const char* to_string(FrameError error) noexcept;

/// Of a header that is not good.
FrameError explain(const Header& header, std::uint32_t frame_limit) noexcept;

/// Stream 0 is the connection itself: for hello, ping, pong and goaway.
constexpr bool belongs_to_a_stream(Kind kind) noexcept {
  return kind >= Kind::request && kind <= Kind::credit;
}

inline FrameError check(const Header& header, std::uint32_t frame_limit) noexcept {
  const bool good = header.size <= frame_limit &&
                    static_cast<std::uint8_t>(header.kind) < kind_count &&
                    (header.flags & ~flags::of_kind[static_cast<std::size_t>(header.kind)]) == 0 &&
                    std::uint32_t{header.meta} + header.hop <= header.size &&
                    belongs_to_a_stream(header.kind) == (header.stream != 0);
  return good ? FrameError::none : explain(header, frame_limit);
}

/// A frame in somebody else's buffer.
struct Frame {
  Header header;
  ByteView body;

  ByteView hop() const noexcept { return body.first(header.hop); }
  ByteView meta() const noexcept { return body.subspan(header.hop, header.meta); }
  ByteView message() const noexcept { return body.subspan(header.hop + header.meta); }
  /// Metadata and message, without what a hop put in front.
  ByteView payload() const noexcept { return body.subspan(header.hop); }
};

/// Appends a frame of this kind and stream. The rest of its header is as in `head`, but for size
/// and hop, which are those of the parts; `head.meta` says how much of the payload is metadata.
inline void append(Buffer& out, Kind kind, std::uint32_t stream, const Header& head, ByteView hop,
                   ByteView payload) {
  const std::size_t size = hop.size() + payload.size();
  std::uint8_t* to = out.extend(header_bytes + size);
  // As three words: parts of `head` have just been set, and a processor that copies the whole of it
  // would wait for each of them.
  const std::array<std::uint64_t, 3> words{
      size | std::uint64_t{static_cast<std::uint8_t>(kind)} << 32 |
          std::uint64_t{head.flags} << 40 | std::uint64_t{head.method} << 48,
      stream | std::uint64_t{head.value} << 32,
      head.route | std::uint64_t{head.meta} << 32 | std::uint64_t{hop.size()} << 48};
  std::memcpy(to, words.data(), header_bytes);
  to += header_bytes;
  if (!hop.empty()) std::memcpy(to, hop.data(), hop.size());
  if (!payload.empty()) std::memcpy(to + hop.size(), payload.data(), payload.size());
}

inline void append(Buffer& out, const Header& header, ByteView hop, ByteView payload) {
  append(out, header.kind, header.stream, header, hop, payload);
}

}  // namespace babilu::wire
