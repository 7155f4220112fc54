#pragma once

#include <filesystem>
#include <vector>

#include "bench/report.h"

namespace babilu::bench {

/// The echo method through client, proxy and backend on loopback, plaintext and TLS: CPU µs that a
/// request costs in each process, at 64 sessions in lockstep. `program` is babilu.
std::vector<Row> run_echo(const std::filesystem::path& program);

}  // namespace babilu::bench
