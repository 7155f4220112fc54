#pragma once

#include "core/base/buffer.h"
#include "core/net/stream.h"
#include "core/runtime/deferred.h"
#include "core/runtime/scope.h"

namespace babilu::net {

/// The coalescing writer of a stream. What is appended while the loop is busy, or while a write is
/// on its way, leaves in one write.
///
/// Bounded by whoever appends: over `soft` bytes it should pause its source, over `hard` it must
/// drop the connection; both are for the caller to ask, and `stalled` says so by itself when the
/// other side takes nothing for too long. Owner: a connection. Thread: the Runtime's.
class Outbox {
 public:
  struct Limits {
    std::size_t soft = 256 * 1024;
    std::size_t hard = 8 * 1024 * 1024;
    Clock::duration stall = std::chrono::seconds(30);
    /// Memory that is kept for the next batch. None by default: an idle connection holds no buffer.
    std::size_t keep = 0;
  };
  class Owner {
   public:
    /// Once, when the stream failed or stalled; nothing is written afterwards.
    virtual void on_outbox_failed(error_code error) = 0;
    /// Something has left.
    virtual void on_outbox_progress() {}
    /// It was blocked, and is not any more.
    virtual void on_outbox_unblocked() {}

   protected:
    ~Owner() = default;
  };

  /// Limits and owner must outlive it.
  Outbox(Runtime& runtime, Stream& stream, Scope& scope, const Limits& limits, Owner& owner);

  /// Append here, then call flush().
  Buffer& pending() noexcept { return pending_; }
  /// Sends what is pending, a little later.
  void flush() { flush_.schedule(); }
  /// Sends as much as can be sent without waiting, now.
  void flush_now();

  std::size_t bytes() const noexcept { return pending_.size() + writing_.size() - written_; }
  bool failed() const noexcept { return failed_; }
  /// The stream takes no more for now.
  bool blocked() const noexcept { return draining_; }
  bool over_soft() const noexcept { return bytes() > limits_.soft; }
  bool over_hard() const noexcept { return bytes() > limits_.hard; }

  /// True when everything has left; false when the stream failed or the deadline passed first.
  task<bool> drained(Deadline deadline);

 private:
  /// Writes until empty (true) or until the stream would block (false).
  bool write();
  task<> drain();
  void fail(error_code error);

  Runtime& runtime_;
  Stream& stream_;
  Scope& scope_;
  const Limits& limits_;
  Owner& owner_;
  Deferred flush_;
  Condition progress_;
  Buffer pending_;
  Buffer writing_;
  std::size_t written_ = 0;
  bool draining_ = false;
  bool failed_ = false;
};

}  // namespace babilu::net
