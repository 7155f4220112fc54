// The frame reader: cuts any bytes into the frames that a plain reading of docs/protocol.md gives,
// however they arrive, and keeps no more than a frame may have.
//
// Input: one byte that chooses the limit, then what came from the other side.
#include <algorithm>
#include <vector>

#include "core/wire/reader.h"
#include "tests/fuzz/fuzz.h"

namespace babilu::fuzz {
namespace {

using wire::Frame;
using wire::FrameError;
using wire::Header;
using wire::header_bytes;

struct Seen {
  std::vector<Header> headers;
  Bytes bodies;
  bool failed = false;
  bool partial = false;

  friend bool operator==(const Seen&, const Seen&) = default;
};

std::uint32_t word(ByteView bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::uint32_t{bytes[at + i]} << (8 * i);
  return value;
}

/// The page on the protocol, in code that shares nothing with the reader.
bool makes_sense(ByteView head, std::uint32_t limit) {
  const std::uint32_t size = word(head, 0, 4);
  const std::uint32_t kind = head[4];
  const bool of_a_stream = kind >= 1 && kind <= 5;
  const bool flags = head[5] == 0 || (kind == 1 && head[5] <= 3) || (kind == 2 && head[5] == 1) ||
                     (kind == 3 && (head[5] & ~5) == 0);
  return size <= limit && kind <= 8 && flags && word(head, 20, 2) + word(head, 22, 2) <= size &&
         of_a_stream == (word(head, 8, 4) != 0);
}

Seen expected(ByteView bytes, std::uint32_t limit) {
  Seen seen;
  while (bytes.size() >= header_bytes) {
    const ByteView head = bytes.first(header_bytes);
    if (!makes_sense(head, limit)) {
      seen.failed = true;
      return seen;
    }
    const std::size_t size = word(head, 0, 4);
    if (bytes.size() - header_bytes < size) break;
    seen.headers.push_back({.size = word(head, 0, 4),
                            .kind = static_cast<wire::Kind>(head[4]),
                            .flags = head[5],
                            .method = static_cast<std::uint16_t>(word(head, 6, 2)),
                            .stream = word(head, 8, 4),
                            .value = word(head, 12, 4),
                            .route = word(head, 16, 4),
                            .meta = static_cast<std::uint16_t>(word(head, 20, 2)),
                            .hop = static_cast<std::uint16_t>(word(head, 22, 2))});
    const ByteView body = bytes.subspan(header_bytes, size);
    seen.bodies.insert(seen.bodies.end(), body.begin(), body.end());
    bytes = bytes.subspan(header_bytes + size);
  }
  seen.partial = !bytes.empty();
  return seen;
}

void note(Seen& seen, const Frame& frame) {
  check(frame.body.size() == frame.header.size, "a frame has the bytes that its header says");
  Bytes parts;
  for (const ByteView part : {frame.hop(), frame.meta(), frame.message()}) {
    parts.insert(parts.end(), part.begin(), part.end());
  }
  check(std::ranges::equal(parts, frame.body), "hop, metadata and message make up the body");
  check(std::ranges::equal(frame.payload(), frame.body.subspan(frame.header.hop)),
        "the payload is what follows the hop data");
  seen.headers.push_back(frame.header);
  seen.bodies.insert(seen.bodies.end(), frame.body.begin(), frame.body.end());
}

Seen cut_by_reader(ByteView bytes, std::uint32_t limit, Cut cut) {
  Seen seen;
  wire::FrameReader reader(limit);
  feed(bytes, cut, [&](ByteView piece) {
    const FrameError error = reader.consume(piece, [&](const Frame& frame) {
      note(seen, frame);
      return true;
    });
    check(reader.kept_bytes() <= header_bytes + limit, "no more is kept than one frame may have");
    check(reader.partial() == (reader.kept_bytes() > 0), "what is kept begins a frame");
    seen.failed = error != FrameError::none;
    check(wire::to_string(error)[0] != '\0', "each error has a sentence");
    return !seen.failed;
  });
  seen.partial = !seen.failed && reader.partial();
  return seen;
}

/// What the reader took is written the same again.
void check_written_again(const Seen& seen, ByteView bytes) {
  Buffer out;
  ByteView bodies(seen.bodies);
  for (const Header& header : seen.headers) {
    const ByteView body = bodies.first(header.size);
    bodies = bodies.subspan(header.size);
    wire::append(out, header, body.first(header.hop), body.subspan(header.hop));
  }
  check(std::ranges::equal(ByteView(out), bytes.first(out.size())),
        "a frame is written as it was read");
}

}  // namespace
}  // namespace babilu::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace babilu;
  using namespace babilu::fuzz;
  constexpr std::uint32_t limits[] = {0, 1, 40, 1000, wire::hello_limit, wire::default_frame_limit};
  Input input({data, size});
  const std::uint32_t limit = limits[input.byte() % std::size(limits)];
  const ByteView bytes = input.rest();
  const Seen right = expected(bytes, limit);
  for (const Cut cut : cuts) {
    check(cut_by_reader(bytes, limit, cut) == right, "the reader's frames are the page's");
  }
  check_written_again(right, bytes);
  return 0;
}
