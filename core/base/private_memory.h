#pragma once

namespace babilu {

/// For a process that holds keys: from now on it leaves no core file, and no other process of the
/// same user can read its memory or attach to it (PR_SET_DUMPABLE in prctl(2); root still can).
/// Files of /proc/PID belong to root then. Lasts until the next execve(2).
void keep_memory_private() noexcept;

}  // namespace babilu
