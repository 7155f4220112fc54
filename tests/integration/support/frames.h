#pragma once

#include <string>
#include <vector>

#include "core/rpc/status.h"
#include "core/wire/frame.h"

/// Frames made and read by hand, as somebody would who writes a client, or breaks in.
namespace babilu::testing {

std::string frame(wire::Header header, std::string_view message = {}, std::string_view meta = {},
                  std::string_view hop = {});
/// Only the header, with whatever size it claims.
std::string header_only(const wire::Header& header);
/// What every connection begins with.
std::string hello();
/// A request of `method`, with `meta` as it is.
std::string request(std::uint16_t method, std::uint32_t stream, std::string_view message = {},
                    std::string_view meta = {});

struct Received {
  wire::Header header;
  Bytes message;

  /// Of a reply or a goaway.
  rpc::Status status() const;
};
std::vector<Received> frames_of(std::string_view bytes);
/// The first of this kind; fails the test and gives an empty one if there is none.
Received find(const std::vector<Received>& frames, wire::Kind kind);

}  // namespace babilu::testing
