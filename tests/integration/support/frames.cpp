#include "tests/integration/support/frames.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/wire/envelope.pb.h"
#include "core/wire/reader.h"

namespace babilu::testing {

using wire::Kind;

std::string frame(wire::Header header, std::string_view message, std::string_view meta,
                  std::string_view hop) {
  Buffer out;
  header.meta = static_cast<std::uint16_t>(meta.size());
  const std::string payload = std::string(meta).append(message);
  wire::append(out, header, bytes_of(hop), bytes_of(payload));
  return std::string(text_of(out));
}

std::string header_only(const wire::Header& header) {
  std::uint8_t bytes[wire::header_bytes];
  wire::encode(header, bytes);
  return std::string(text_of(bytes));
}

std::string hello() {
  wire::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  return frame({.kind = Kind::hello}, hello.SerializeAsString());
}

std::string request(std::uint16_t method, std::uint32_t stream, std::string_view message,
                    std::string_view meta) {
  return frame({.kind = Kind::request,
                .flags = wire::flags::end,
                .method = method,
                .stream = stream,
                .value = 10'000},
               message, meta);
}

rpc::Status Received::status() const {
  if (header.kind == Kind::reply) {
    return rpc::decode_detail(rpc::code_from_wire(header.value), message);
  }
  wire::StatusDetail detail;
  EXPECT_TRUE(detail.ParseFromArray(message.data(), static_cast<int>(message.size())));
  return rpc::decode_detail(rpc::code_from_wire(detail.code()), message);
}

std::vector<Received> frames_of(std::string_view bytes) {
  std::vector<Received> frames;
  wire::FrameReader reader;
  const auto error = reader.consume(bytes_of(bytes), [&](const wire::Frame& frame) {
    frames.push_back({frame.header, Bytes(frame.message().begin(), frame.message().end())});
    return true;
  });
  EXPECT_EQ(error, wire::FrameError::none) << wire::to_string(error);
  return frames;
}

Received find(const std::vector<Received>& frames, Kind kind) {
  const auto found =
      std::ranges::find(frames, kind, [](const Received& r) { return r.header.kind; });
  if (found != frames.end()) return *found;
  ADD_FAILURE() << "no " << wire::to_string(kind) << " came";
  return {};
}

}  // namespace babilu::testing
