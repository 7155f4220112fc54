#pragma once

#include "core/net/stream.h"

namespace babilu {
class Runtime;
}

/// TLS between strangers. NOBODY IS AUTHENTICATED by these two functions: the certificate is made
/// for one connection, and neither side checks one, so whoever sits between can be the other side
/// of both. What they give is a channel_binding that no two connections share.
///
/// Use them only where both identities then sign that binding, and the connection ends when a
/// signature is missing or wrong. Until then nothing that is read may be believed, and nothing
/// that is secret may be written. Peers do this; nothing else should.
namespace babilu::tls {

task<Result<net::StreamPtr>> accept_bound_later(Runtime& runtime, net::StreamPtr lower,
                                                Deadline deadline);
task<Result<net::StreamPtr>> connect_bound_later(Runtime& runtime, net::StreamPtr lower,
                                                 Deadline deadline);

}  // namespace babilu::tls
