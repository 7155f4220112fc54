#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace babilu::rpc {

/// Live streams of one side and their tags: a hash table with linear probing, half full at most. It
/// starts with four places (64 bytes), where a general one takes half a kilobyte, and there are
/// many idle sessions.
///
/// Numbers that count up, as streams do, stand side by side, each where it belongs. Where two want
/// the same place, the one that is further from its own goes first (Robin Hood hashing; Celis,
/// Larson and Munro 1985): so a row of those that stand where they belong ends every search and
/// every move. Any number of streams. Not copyable. Pointers are valid until the next emplace or
/// erase.
class StreamTable {
 public:
  using Tag = std::uintptr_t;

  StreamTable() = default;
  StreamTable(StreamTable&& other) noexcept { swap(other); }
  StreamTable& operator=(StreamTable&& other) noexcept {
    StreamTable taken(std::move(other));
    swap(taken);
    return *this;
  }

  std::size_t size() const noexcept { return size_; }
  bool contains(std::uint32_t stream) const noexcept { return index_of(stream) != none; }
  Tag* find(std::uint32_t stream) noexcept {
    const std::size_t at = index_of(stream);
    return at == none ? nullptr : &places_[at].tag;
  }
  const Tag* find(std::uint32_t stream) const noexcept {
    return const_cast<StreamTable*>(this)->find(stream);
  }

  /// Its tag; null when it is there already. It must not be 0.
  Tag* emplace(std::uint32_t stream, Tag tag) {
    assert(stream != 0);
    if (2 * (size_ + 1) > capacity_) grow();
    std::size_t at = home(stream);
    if (places_[at].stream != 0) {
      at = make_room(at, stream);
      if (at == none) return nullptr;
    }
    places_[at] = {stream, tag};
    ++size_;
    return &places_[at].tag;
  }

  /// Takes it out; nothing when it is not there.
  std::optional<Tag> extract(std::uint32_t stream) noexcept {
    const std::size_t at = index_of(stream);
    if (at == none) return std::nullopt;
    const Tag tag = places_[at].tag;
    erase_at(at);
    return tag;
  }
  bool erase(std::uint32_t stream) noexcept {
    const std::size_t at = index_of(stream);
    if (at == none) return false;
    erase_at(at);
    return true;
  }

  /// visit(stream, tag) for each, in no order that means anything but the same in each run. It must
  /// not change the table.
  template <class Visit>
  void each(Visit visit) const {
    for (std::size_t at = 0; at < capacity_; ++at) {
      if (places_[at].stream != 0) visit(places_[at].stream, places_[at].tag);
    }
  }

 private:
  struct Place {
    std::uint32_t stream = 0;  ///< 0: free; no stream has this number
    Tag tag = 0;
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// Of a dialer all are odd, of a listener even.
  std::size_t home(std::uint32_t stream) const noexcept { return (stream >> 1) & (capacity_ - 1); }
  std::size_t after(std::size_t at) const noexcept { return (at + 1) & (capacity_ - 1); }
  /// From where it belongs.
  std::size_t distance(std::size_t at) const noexcept {
    return (at - home(places_[at].stream)) & (capacity_ - 1);
  }

  std::size_t index_of(std::uint32_t stream) const noexcept {
    if (size_ == 0) return none;
    for (std::size_t at = home(stream); places_[at].stream != 0; at = after(at)) {
      if (places_[at].stream == stream) return at;
    }
    return none;
  }

  /// Those behind that are not where they belong move up by one.
  void erase_at(std::size_t hole) noexcept {
    --size_;
    for (std::size_t next = after(hole); places_[next].stream != 0 && distance(next) != 0;
         next = after(next)) {
      places_[hole] = places_[next];
      hole = next;
    }
    places_[hole].stream = 0;
  }

  // What is rare stands apart: inlined, its loops would cost every call the registers they need.

  /// Finds its place, from `at` on; those that stand there and behind move down by one. `none` when
  /// it is there already.
  [[gnu::noinline]] std::size_t make_room(std::size_t at, std::uint32_t stream) noexcept {
    for (std::size_t away = 0; places_[at].stream != 0; at = after(at), ++away) {
      if (places_[at].stream == stream) return none;
      if (distance(at) < away) break;
    }
    Place moving = std::exchange(places_[at], {});
    for (std::size_t to = after(at); moving.stream != 0; to = after(to)) {
      std::swap(moving, places_[to]);
    }
    return at;
  }

  [[gnu::noinline]] void grow() {
    StreamTable larger;
    larger.capacity_ = capacity_ == 0 ? 4 : 2 * capacity_;
    larger.places_ = std::make_unique<Place[]>(larger.capacity_);
    each([&](std::uint32_t stream, Tag tag) { larger.emplace(stream, tag); });
    swap(larger);
  }

  void swap(StreamTable& other) noexcept {
    std::swap(places_, other.places_);
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
  }

  std::unique_ptr<Place[]> places_;
  std::size_t capacity_ = 0;  ///< a power of two; at least half of it is free
  std::size_t size_ = 0;
};

}  // namespace babilu::rpc
