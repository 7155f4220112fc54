#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <tuple>
#include <utility>

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
    if (data_ != nullptr) Store::give(data_, capacity_);
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
  static constexpr std::size_t smallest = 1000;  ///< a kilobyte with the allocator's own words

  /// Memory between two uses, of one thread: a list whose links stand in the memory itself. At most
  /// 1,024 pieces of 4 KiB. It is constant-initialized, so no access asks first whether it has been
  /// constructed; allocate() sees to it that the list is freed when the thread ends.
  class Store {
   public:
    /// Empty-handed: nullptr.
    static std::pair<std::uint8_t*, std::uint32_t> take() noexcept {
      Piece* const piece = first_;
      if (piece == nullptr) return {nullptr, 0};
      first_ = piece->next;
      --count_;
      return {reinterpret_cast<std::uint8_t*>(piece), piece->capacity};
    }
    static void give(std::uint8_t* data, std::uint32_t capacity) noexcept {
      if (capacity > largest || count_ == most) {
        delete[] data;
        return;
      }
      first_ = new (data) Piece{first_, capacity};
      ++count_;
    }
    static std::uint8_t* allocate(std::size_t bytes) {
      static thread_local Sweeper sweeper;
      return new std::uint8_t[bytes];
    }

   private:
    static constexpr std::uint32_t largest = 4096;
    static constexpr std::uint32_t most = 1024;
    struct Piece {
      Piece* next;
      std::uint32_t capacity;
    };
    static_assert(alignof(Piece) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__ && sizeof(Piece) <= smallest);
    struct Sweeper {
      ~Sweeper() {
        while (first_ != nullptr) delete[] take().first;
      }
    };
    inline static constinit thread_local Piece* first_ = nullptr;
    inline static constinit thread_local std::uint32_t count_ = 0;
  };

  /// By doubling.
  void grow(std::size_t bytes) {
    if (data_ == nullptr) {
      std::tie(data_, capacity_) = Store::take();
      if (bytes <= capacity_) return;
    }
    const std::size_t wanted = std::max({size_ + bytes, 2 * std::size_t{capacity_}, smallest});
    assert(wanted <= std::numeric_limits<std::uint32_t>::max());
    Buffer larger;
    larger.data_ = Store::allocate(wanted);
    larger.capacity_ = static_cast<std::uint32_t>(wanted);
    larger.append(*this);
    swap(larger);
  }

  std::uint8_t* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace babilu
