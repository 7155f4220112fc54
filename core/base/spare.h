#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/bytes.h"

namespace babilu {

/// Buffers between two uses. An idle connection holds none, a busy one needs one each turn of the
/// loop, and asking the allocator each time costs more than filling it. Kept: 1,024 for a thread,
/// of 4 KiB at most each. One instance a thread; not for secrets.
class SpareBuffers {
 public:
  static SpareBuffers& of_this_thread() noexcept {
    static thread_local SpareBuffers spares;
    return spares;
  }

  /// An empty buffer with room for so many bytes.
  Bytes take(std::size_t bytes) {
    Bytes taken;
    if (!spares_.empty()) {
      taken = std::move(spares_.back());
      spares_.pop_back();
    }
    taken.reserve(std::max(bytes, smallest));
    return taken;
  }
  void give(Bytes buffer) noexcept {
    if (buffer.capacity() < smallest || buffer.capacity() > largest) return;
    if (spares_.size() == spares_.capacity()) return;
    buffer.clear();
    spares_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t smallest = 1000;  // with the allocator's own words within 1 KiB
  static constexpr std::size_t largest = 4096;
  static constexpr std::size_t most = 1024;

  SpareBuffers() { spares_.reserve(most); }

  std::vector<Bytes> spares_;
};

}  // namespace babilu
