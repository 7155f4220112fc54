#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/bytes.h"

namespace babilu {

/// Bytes on their way out: it grows at its end, and what was appended is nobody's until it is
/// filled, so nothing is written twice. Less than 4 GiB. What it held is not wiped. One with memory
/// must not outlive its thread.
///
/// An idle connection has empty ones, which hold no memory; a busy one fills and empties its own in
/// each turn of the loop. So the memory of small ones goes to a store of the thread, where the next
/// finds it: asking the allocator each time costs more than filling them.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) Store::of_this_thread().give(data_, capacity_);
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity() const noexcept { return capacity_; }
  const std::uint8_t* data() const noexcept { return data_; }
  const std::uint8_t* begin() const noexcept { return data_; }
  const std::uint8_t* end() const noexcept { return data_ + size_; }

  /// So many bytes more at its end, for the caller to fill. Valid until the next call.
  std::uint8_t* extend(std::size_t bytes) {
    if (bytes > capacity_ - size_) grow(bytes);
    std::uint8_t* const added = data_ + size_;
    size_ += static_cast<std::uint32_t>(bytes);
    return added;
  }
  void append(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  /// Empties it; the memory stays for what comes next.
  void clear() noexcept { size_ = 0; }
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  /// Memory between two uses: at most 1,024 pieces of 4 KiB.
  class Store {
   public:
    static Store& of_this_thread() {
      static thread_local Store store;
      return store;
    }
    ~Store() {
      for (const Piece& piece : pieces_) delete[] piece.data;
    }
    /// Empty-handed: nullptr.
    std::pair<std::uint8_t*, std::uint32_t> take() noexcept {
      if (pieces_.empty()) return {nullptr, 0};
      const Piece piece = pieces_.back();
      pieces_.pop_back();
      return {piece.data, piece.capacity};
    }
    void give(std::uint8_t* data, std::uint32_t capacity) noexcept {
      if (capacity > largest || pieces_.size() == pieces_.capacity()) {
        delete[] data;
      } else {
        pieces_.push_back({data, capacity});
      }
    }

   private:
    static constexpr std::uint32_t largest = 4096;
    struct Piece {
      std::uint8_t* data;
      std::uint32_t capacity;
    };
    Store() { pieces_.reserve(1024); }

    std::vector<Piece> pieces_;
  };

  /// By doubling, from about a kilobyte with the allocator's own words.
  void grow(std::size_t bytes) {
    constexpr std::size_t smallest = 1000;
    if (data_ == nullptr) {
      std::tie(data_, capacity_) = Store::of_this_thread().take();
      if (bytes <= capacity_) return;
    }
    const std::size_t wanted = std::max({size_ + bytes, 2 * std::size_t{capacity_}, smallest});
    assert(wanted <= std::numeric_limits<std::uint32_t>::max());
    Buffer larger;
    larger.data_ = new std::uint8_t[wanted];
    larger.capacity_ = static_cast<std::uint32_t>(wanted);
    larger.append(*this);
    swap(larger);
  }

  std::uint8_t* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace babilu
