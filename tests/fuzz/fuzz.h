#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <source_location>
#include <string_view>

#include "core/base/bytes.h"

/// What fuzz targets share: how a property is stated, how an input is taken apart, and how the same
/// bytes are fed in pieces. A target is LLVMFuzzerTestOneInput of libFuzzer
/// (https://llvm.org/docs/LibFuzzer.html); everything in it depends on the input alone.
namespace babilu::fuzz {

/// Ends the program when a property does not hold: that is what a finding is.
inline void check(bool holds, std::string_view property,
                  const std::source_location& where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: does not hold: %.*s\n", where.file_name(),
               static_cast<unsigned>(where.line()), static_cast<int>(property.size()),
               property.data());
  std::abort();
}

/// Takes an input apart from its front. Past the end numbers are 0 and byte strings empty.
class Input {
 public:
  explicit Input(ByteView bytes) noexcept : rest_(bytes) {}

  bool empty() const noexcept { return rest_.empty(); }
  std::size_t left() const noexcept { return rest_.size(); }
  std::uint8_t byte() noexcept { return number<std::uint8_t>(); }
  /// Little-endian.
  template <std::unsigned_integral T>
  T number() noexcept {
    T value{};
    const ByteView bytes = this->bytes(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  /// Fewer where there are no more.
  ByteView bytes(std::size_t size) noexcept {
    const ByteView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  ByteView rest() noexcept { return bytes(rest_.size()); }

 private:
  ByteView rest_;
};

/// How bytes are cut into pieces before they are fed.
enum class Cut { whole, single, varying };
inline constexpr Cut cuts[] = {Cut::whole, Cut::single, Cut::varying};

/// Calls take(piece) -> bool for the pieces of `bytes`, until it gives false. Each piece is a copy
/// of just its size, so that AddressSanitizer sees who reads past it.
template <class Take>
void feed(ByteView bytes, Cut cut, Take&& take) {
  std::uint32_t state = static_cast<std::uint32_t>(bytes.size()) * 2654435761u + 1;
  while (!bytes.empty()) {
    std::size_t size = cut == Cut::whole ? bytes.size() : 1;
    if (cut == Cut::varying) {
      state = state * 1664525 + 1013904223 + bytes.front();
      size = std::min<std::size_t>(1 + (state >> 16) % 37, bytes.size());
    }
    const Bytes piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(size);
    if (!take(ByteView(piece))) return;
  }
}

}  // namespace babilu::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
