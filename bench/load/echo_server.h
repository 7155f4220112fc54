#pragma once

namespace babilu::load {

/// The backend of the comparison: offers echo on plain TCP on a port of this machine, until it is
/// ended. Answers what one read brings with one write.
void serve_echo(int port);

}  // namespace babilu::load
