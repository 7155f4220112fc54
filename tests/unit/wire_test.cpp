// Frames: encoding, cutting from a stream of bytes, and everything that is wrong with some.
#include <gtest/gtest.h>

#include <map>

#include "core/wire/reader.h"
#include "tests/support/size.h"

namespace babilu::wire {
namespace {

Header request_head(std::uint16_t meta = 0) {
  return {.kind = Kind::request,
          .flags = flags::end,
          .method = 0x0203,
          .stream = 7,
          .value = 2000,
          .route = 0xdeadbeef,
          .meta = meta};
}

TEST(Frame, LooksOnTheWireAsThePageOnTheProtocolSays) {
  Buffer out;
  append(out, request_head(4), bytes_of("hop"), bytes_of("metamessage"));
  const Bytes expected{14,   0, 0, 0, 1,    1,    3,    2,    7, 0, 0, 0,
                       0xd0, 7, 0, 0, 0xef, 0xbe, 0xad, 0xde, 4, 0, 3, 0};
  EXPECT_EQ(Bytes(out.begin(), out.begin() + 24), expected);
  EXPECT_EQ(text_of(ByteView(out).subspan(24)), "hopmetamessage");
}

struct Cut {
  std::vector<std::string> messages;
  FrameError error = FrameError::none;
};

/// Feeds `input` in pieces of `step` bytes.
Cut cut(ByteView input, std::size_t step, std::uint32_t limit = default_frame_limit) {
  Cut result;
  FrameReader reader(limit);
  for (std::size_t at = 0; at < input.size() && result.error == FrameError::none; at += step) {
    const ByteView piece = input.subspan(at, std::min(step, input.size() - at));
    result.error = reader.consume(piece, [&](const Frame& frame) {
      result.messages.emplace_back(text_of(frame.message()));
      return true;
    });
  }
  EXPECT_EQ(reader.partial(), reader.kept_bytes() > 0);
  return result;
}

TEST(FrameReader, CutsTheSameWhereverTheBytesAreSplit) {
  Buffer input;
  std::vector<std::string> sent;
  for (std::size_t size : {0u, 1u, 23u, 24u, 25u, 100u, 5000u}) {
    sent.emplace_back(size, static_cast<char>('a' + size % 26));
    const std::string payload = "meta" + sent.back();
    append(input, request_head(4), bytes_of("h"), bytes_of(payload));
  }
  for (std::size_t step = 1; step <= 64; ++step) EXPECT_EQ(cut(input, step).messages, sent) << step;
  EXPECT_EQ(cut(input, input.size()).messages, sent);
}

TEST(FrameReader, KeepsNothingBetweenFrames) {
  Buffer input;
  append(input, request_head(4), {}, bytes_of("metax"));
  FrameReader reader;
  reader.consume(ByteView(input).first(10), [](const Frame&) { return true; });
  EXPECT_TRUE(reader.partial());
  reader.consume(ByteView(input).subspan(10), [](const Frame&) { return true; });
  EXPECT_FALSE(reader.partial());
}

FrameError error_of(const Header& header, std::uint32_t size) {
  Bytes input(header_bytes);
  Header head = header;
  head.size = size;
  std::uint8_t encoded[header_bytes];
  encode(head, encoded);
  input.assign(encoded, encoded + header_bytes);
  // Found in one piece and byte by byte alike.
  const FrameError whole = cut(input, header_bytes).error;
  Bytes longer = input;
  longer.push_back(0);
  EXPECT_EQ(cut(longer, 1).error, whole);
  return whole;
}

TEST(FrameReader, NamesWhatIsWrong) {
  EXPECT_EQ(error_of(request_head(), default_frame_limit + 1), FrameError::too_large);
  EXPECT_EQ(error_of(request_head(), 0xffffffff), FrameError::too_large);
  Header head = request_head();
  head.kind = static_cast<Kind>(9);
  EXPECT_EQ(error_of(head, 0), FrameError::unknown_kind);
  head = request_head();
  head.flags = 8;
  EXPECT_EQ(error_of(head, 0), FrameError::unknown_flags);
  head.flags = flags::unstarted;
  EXPECT_EQ(error_of(head, 0), FrameError::misplaced_flags);
  head = request_head();
  head.hop = 5;
  head.meta = 5;
  EXPECT_EQ(error_of(head, 9), FrameError::inconsistent);
  head = request_head();
  head.stream = 0;
  EXPECT_EQ(error_of(head, 0), FrameError::wrong_stream);
  head = {.kind = Kind::ping, .stream = 1};
  EXPECT_EQ(error_of(head, 0), FrameError::wrong_stream);
}

TEST(FrameReader, TakesOfEachKindTheFlagsThatItHas) {
  const std::map<Kind, std::uint8_t> allowed{{Kind::request, flags::end | flags::retryable},
                                             {Kind::item, flags::end},
                                             {Kind::reply, flags::end | flags::unstarted}};
  for (std::uint8_t kind = 0; kind < kind_count; ++kind) {
    for (std::uint8_t flag : {flags::end, flags::retryable, flags::unstarted}) {
      const Header head{.kind = static_cast<Kind>(kind),
                        .flags = flag,
                        .stream = belongs_to_a_stream(static_cast<Kind>(kind)) ? 1u : 0u};
      const auto found = allowed.find(head.kind);
      const bool good = found != allowed.end() && (found->second & flag) != 0;
      EXPECT_EQ(error_of(head, 0), good ? FrameError::none : FrameError::misplaced_flags)
          << to_string(head.kind) << " with flag " << int{flag};
    }
  }
}

TEST(FrameReader, RecognisesOtherProtocols) {
  const std::string http = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(cut(Bytes(http.begin(), http.end()), 100).error, FrameError::looks_like_http);
  Bytes tls(40, 0);
  tls[0] = 0x16;
  tls[1] = 3;
  tls[2] = 1;
  tls[3] = 2;
  EXPECT_EQ(cut(tls, 100).error, FrameError::looks_like_tls);
}

TEST(FrameReader, TakesAnythingWithoutHarm) {
  std::uint64_t state = 1;
  for (int round = 0; round < test::repetitions(2'000, 200'000); ++round) {
    Bytes noise(static_cast<std::size_t>(round % 97));
    for (auto& byte : noise) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::uint8_t>(state >> 56);
    }
    FrameReader reader(1024);
    reader.consume(noise, [](const Frame& frame) {
      EXPECT_EQ(frame.body.size(), frame.header.size);
      return true;
    });
    EXPECT_LE(reader.kept_bytes(), 1024 + header_bytes);
  }
}

}  // namespace
}  // namespace babilu::wire
