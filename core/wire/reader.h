#pragma once

#include <algorithm>
#include <utility>

#include "core/wire/frame.h"

namespace babilu::wire {

/// Cuts bytes into frames. Whole frames are handed on where they lie; only a partial one is kept,
/// so a reader between frames holds no memory.
class FrameReader {
 public:
  explicit FrameReader(std::uint32_t frame_limit = default_frame_limit) noexcept
      : frame_limit_(frame_limit) {}

  /// Calls `sink(const Frame&) -> bool` for each whole frame; its views are valid during the call.
  /// When sink returns false the rest of `input` is dropped: the connection is over.
  /// After an error the reader takes no more.
  template <class Sink>
  FrameError consume(ByteView input, Sink&& sink);

  /// True while the beginning of a frame is kept; a deadline should run then.
  bool partial() const noexcept { return !kept_.empty(); }
  /// For the frames to come; sink() may call it.
  void set_frame_limit(std::uint32_t bytes) noexcept { frame_limit_ = bytes; }
  std::size_t kept_bytes() const noexcept { return kept_.size(); }

 private:
  /// Bytes still missing of the frame that `kept_` begins; 0 when it is whole.
  std::size_t missing(FrameError& error) const noexcept;

  std::uint32_t frame_limit_;
  Bytes kept_;
};

inline std::size_t FrameReader::missing(FrameError& error) const noexcept {
  if (kept_.size() < header_bytes) return header_bytes - kept_.size();
  const Header header =
      decode(std::span<const std::uint8_t, header_bytes>(kept_.data(), header_bytes));
  error = check(header, frame_limit_);
  return header_bytes + header.size - kept_.size();
}

template <class Sink>
FrameError FrameReader::consume(ByteView input, Sink&& sink) {
  FrameError error = FrameError::none;
  // First complete the frame that is kept: its header, then its body.
  while (!kept_.empty() && !input.empty()) {
    const std::size_t wanted = std::min(missing(error), input.size());
    if (error != FrameError::none) return error;
    kept_.insert(kept_.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(wanted));
    input = input.subspan(wanted);
    if (kept_.size() < header_bytes) break;
    if (missing(error) > 0 && error == FrameError::none) continue;
    if (error != FrameError::none) return error;
    const Bytes whole = std::exchange(kept_, {});
    const Header header =
        decode(std::span<const std::uint8_t, header_bytes>(whole.data(), header_bytes));
    if (!sink(Frame{header, ByteView(whole).subspan(header_bytes)})) return FrameError::none;
  }
  // Then take whole frames from the input itself.
  while (input.size() >= header_bytes) {
    const Header header = decode(input.first<header_bytes>());
    error = check(header, frame_limit_);
    if (error != FrameError::none) return error;
    if (input.size() - header_bytes < header.size) break;
    const Frame frame{header, input.subspan(header_bytes, header.size)};
    input = input.subspan(header_bytes + header.size);
    if (!sink(frame)) return FrameError::none;
  }
  kept_.insert(kept_.end(), input.begin(), input.end());
  return FrameError::none;
}

}  // namespace babilu::wire
