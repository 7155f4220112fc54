#include "roles/peer/security.h"

#include "core/tls/bound_later.h"

namespace babilu::peer {

task<Result<net::StreamPtr>> PeerSecurity::dial(net::StreamPtr raw, const net::Address&,
                                                Deadline deadline) {
  return tls::connect_bound_later(runtime_, std::move(raw), deadline);
}

task<Result<net::StreamPtr>> PeerSecurity::accept(net::StreamPtr raw, Deadline deadline) {
  return tls::accept_bound_later(runtime_, std::move(raw), deadline);
}

}  // namespace babilu::peer
