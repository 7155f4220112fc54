#pragma once

#include <chrono>
#include <cstddef>

#include "tests/integration/support/process.h"

/// What the system says that a process holds and has used.
namespace babilu::testing {

/// Memory that it has in use now, and the most that it ever had, in bytes.
std::size_t memory(const Process& process);
std::size_t peak_memory(const Process& process);
std::chrono::milliseconds cpu_time(const Process& process);

}  // namespace babilu::testing
