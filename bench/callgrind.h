#pragma once

#include <filesystem>

#include "bench/process.h"

namespace babilu::bench {

/// The same program under callgrind, which counts the instructions of all its threads and writes
/// them to `file` when it ends in order. The count hardly depends on what else the machine does.
Arguments counted(const Arguments& arguments, const std::filesystem::path& file);

/// The count in such a file. Throws when there is none.
double read_instructions(const std::filesystem::path& file);

/// What two runs of different length counted.
struct Counted {
  double instructions = 0;
  double requests = 0;
};

/// What one request takes: start, handshakes and end are in both runs, and so in neither.
double instructions_per_request(const Counted& shorter, const Counted& longer);

}  // namespace babilu::bench
