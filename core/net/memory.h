#pragma once

#include <functional>
#include <memory>

#include "core/net/stream.h"

namespace babilu {
class Runtime;
}

namespace babilu::net {

/// How a pair of streams in memory behaves.
struct MemoryOptions {
  Address name_a{"a", 1};  ///< what the other end calls remote()
  Address name_b{"b", 2};
  std::size_t capacity = 256 * 1024;  ///< bytes one direction holds, written but not yet read
  Clock::duration latency{0};         ///< 0: at once, but still through the loop
  /// Added to the latency, asked once for each write; order is kept. None when empty.
  std::function<Clock::duration()> jitter = {};
  std::size_t max_segment = 0;  ///< most bytes that one read gives; 0: no limit
};

/// What lies between the two ends, in the hands of whoever plays the network.
///
/// Keep it no longer than the Runtime. Thread: the Runtime's.
class MemoryCable {
 public:
  enum class Direction { a_to_b, b_to_a, both };

  MemoryCable(Runtime& runtime, MemoryOptions options);
  ~MemoryCable();
  MemoryCable(const MemoryCable&) = delete;
  MemoryCable& operator=(const MemoryCable&) = delete;

  /// Both ends get connection_reset at once; what is on its way is lost.
  void cut();
  /// Nothing arrives any more, not even an end: a half-open connection. Writers notice only when
  /// the capacity is used up.
  void pause(Direction direction = Direction::both);
  /// Delivers what came due meanwhile, in order.
  void resume(Direction direction = Direction::both);
  /// For what is written from now on. Bytes never overtake others.
  void set_latency(Clock::duration latency);

 private:
  friend struct MemoryPair make_memory_pair(Runtime& runtime, MemoryOptions options);
  struct State;
  std::unique_ptr<State> state_;
};

/// Two streams, each the other's far end.
struct MemoryPair {
  StreamPtr a;
  StreamPtr b;
  std::shared_ptr<MemoryCable> cable;
};

/// A connection without a network, for tests and simulations: as TCP behaves on one machine, but
/// the same in every run. Bytes arrive in order after the latency, on the runtime's clock. An end
/// that closes lets the other read what was written, then eof; if it left bytes unread, or the
/// other writes on, the other gets connection_reset.
MemoryPair make_memory_pair(Runtime& runtime, MemoryOptions options = {});

}  // namespace babilu::net
