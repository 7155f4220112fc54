#pragma once

#include "tools/bots/swarm.h"

namespace babilu::bots {

/// After the load: asks the stack for what it acknowledged, and writes what it finds to the
/// swarm's checks.
///
/// Every account in the ledger must exist (identity.Verify of a random signature knows it, and
/// refuses the signature) under an id of its own. A random sample logs in, is who it was, signs,
/// and its signature verifies, but not for a changed message. Every ciphertext in the ledger
/// decrypts to its plaintext; every signature verifies, but not for a changed message.
///
/// What has no answer is asked again until the deadline, until asked to stop, or until nothing at
/// all was answered for four times as long as a request may take; then it stays unchecked. Cost: a
/// request for each account, two for each signature, one for each ciphertext.
task<> run_checks(Swarm& swarm, Deadline deadline);

/// How far they are, for a display.
struct CheckProgress {
  std::uint64_t planned = 0;
  std::uint64_t checked = 0;
};
CheckProgress check_progress(const Swarm& swarm) noexcept;

}  // namespace babilu::bots
