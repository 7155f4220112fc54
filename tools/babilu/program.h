#pragma once

#include <string>
#include <vector>

namespace babilu::cli {

/// Runs the subcommand that the arguments (without the program's name) name, and gives the exit
/// code of the process.
int run_program(const std::vector<std::string>& arguments);

}  // namespace babilu::cli
