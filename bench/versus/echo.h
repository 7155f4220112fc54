#pragma once

#include <filesystem>
#include <vector>

#include "bench/report.h"

namespace babilu::bench {

/// The echo method through client, proxy and backend on loopback, plaintext and TLS: CPU µs that a
/// request costs in each process, at 64 sessions in lockstep. `program` is babilu.
std::vector<Row> run_echo(const std::filesystem::path& program);

/// The same of proxy and backend beside those of another babilu, in so many turns. Where the pairs
/// spread too far, instructions as well.
std::vector<Row> run_echo_against(const std::filesystem::path& program,
                                  const std::filesystem::path& other, int pairs);

}  // namespace babilu::bench
