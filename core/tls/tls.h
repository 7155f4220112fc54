#pragma once

#include <cstdint>
#include <string>

#include "core/net/stream.h"
#include "core/tls/context.h"
#include "core/tls/error.h"

namespace babilu {
class Runtime;
}

/// TLS 1.3 (RFC 8446) as a Stream over a Stream.
///
/// The stream keeps net::Stream's contract. Reads and writes never wait; ciphertext that the layer
/// below would not take is kept, at most one write of 64 KiB, and unsent() says so. shutdown()
/// sends close_notify, and reading goes on; an end without close_notify reads as Error::truncated,
/// not as eof. A fatal error is told to the other side by an alert.
/// channel_binding is the exporter of RFC 8446 §7.5, 32 bytes, as RFC 9266 uses it.
namespace babilu::tls {

/// What the dialer expects of the other side. There is no way to expect less.
struct Expected {
  std::string host;  ///< a host name or number that its certificate lists
  std::string role;  ///< the role that its certificate has, "proxy" or "backend"
};

/// Takes the server's side of a handshake on `lower`. With `client_role`, the client must show a
/// certificate of our authority with this role; without, it is asked for none.
/// Fails with an Error, or with what `lower` failed with; the other side is then told, where it
/// listens, within a second and the deadline.
/// Cost: about 0.25 ms of CPU; one certificate of the client more, about 0.4 ms.
task<Result<net::StreamPtr>> accept(Runtime& runtime, net::StreamPtr lower, ContextPtr context,
                                    std::string client_role, Deadline deadline);

/// Takes the client's side. Shows the context's certificate if the server asks for one. As the
/// server checks it last, a refusal of ours may arrive only with the first read.
/// Cost: about 0.7 ms of CPU.
task<Result<net::StreamPtr>> connect(Runtime& runtime, net::StreamPtr lower, ContextPtr context,
                                     Expected expected, Deadline deadline);

/// Whether a stream's handshake took up an earlier connection by a ticket. Its other side is the
/// one that proved its certificate then, and what peer() says is the same.
bool resumed(const net::Stream& stream);

/// What was negotiated, for statistics and people.
struct Info {
  std::string cipher;
  std::string group;
  std::uint32_t key_updates = 0;  ///< times that we have changed the key that we send with
};

/// Empty for a stream that is not of TLS.
Info info(const net::Stream& stream);

/// Adds to `counter` what a read has to do besides plaintext, in units of a small request: two for
/// each record without any, such as a key update. Nothing for a stream that is not of TLS. The
/// counter must outlive the stream's last read.
void count_overhead(net::Stream& stream, std::uint32_t& counter);

}  // namespace babilu::tls
