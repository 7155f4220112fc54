#pragma once

#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/net/address.h"
#include "core/runtime/clock.h"
#include "core/runtime/task.h"

namespace babilu {
class Waiter;
}

namespace babilu::net {

/// How much was moved, or why nothing was. `error` is asio::error::would_block when it is worth
/// waiting, asio::error::eof when the other side has ended.
struct Transfer {
  std::size_t bytes = 0;
  error_code error;
};

/// Who is at the other end, as far as the stream itself knows.
struct PeerIdentity {
  std::string role;  ///< of a verified certificate: "proxy", "backend"; empty without one
};

/// A two-way stream of bytes: TCP, TLS over another stream, or memory in a simulation.
///
/// Reads and writes never wait; waiting is separate, so an idle stream holds no buffer. readable()
/// and writable() are level-triggered: they return at once while there is something to do. At most
/// one coroutine waits for each. A wait past its deadline gives asio::error::timed_out; close()
/// ends waits with operation_aborted.
/// Thread: the Runtime's that made it. The destructor closes.
class Stream {
 public:
  virtual ~Stream() = default;

  virtual Transfer read_some(MutableByteView buffer) = 0;
  virtual Transfer write_some(ByteView bytes) = 0;
  virtual task<error_code> readable(Deadline deadline = no_deadline) = 0;
  /// The same without a coroutine: true when readable() would return at once; otherwise the waiter
  /// is told when it is worth another look.
  virtual bool when_readable(Waiter& waiter) = 0;
  /// Also sends on what a layer below has accepted but not sent; see unsent().
  virtual task<error_code> writable(Deadline deadline = no_deadline) = 0;
  /// True while bytes that write_some accepted are still in this process and nobody will move them
  /// but a call of writable().
  virtual bool unsent() const noexcept { return false; }

  /// Ends our direction in order: the other side reads eof after all that was written.
  virtual void shutdown() noexcept = 0;
  virtual void close() noexcept = 0;

  virtual const Address& remote() const noexcept = 0;
  virtual PeerIdentity peer() const { return {}; }
  /// Bytes that only the two ends of this very connection know, to bind identities to it
  /// (RFC 9266 uses the TLS exporter so). Empty without TLS.
  virtual Secret channel_binding(std::string_view /*label*/) const { return {}; }
};

using StreamPtr = std::unique_ptr<Stream>;

/// Writes all of `bytes`, waiting where it must.
task<error_code> write_all(Stream& stream, ByteView bytes, Deadline deadline = no_deadline);

/// Sends what the stream has accepted but still keeps.
task<error_code> flush(Stream& stream, Deadline deadline = no_deadline);

}  // namespace babilu::net
