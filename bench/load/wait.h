#pragma once

namespace babilu::load {

/// Returns when an echo request on this port is answered. Throws after 10 s.
void wait_for_echo(int port, bool tls);

}  // namespace babilu::load
