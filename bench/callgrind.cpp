#include "bench/callgrind.h"

#include <fstream>
#include <stdexcept>
#include <string>

namespace babilu::bench {

namespace {

constexpr const char* valgrind = "/usr/bin/valgrind";

/// A copy without debug information, which the valgrind of Debian 12 cannot read as lld writes it.
std::string stripped(const std::string& program, const std::filesystem::path& beside) {
  const std::string copy = beside.string() + ".program";
  run_program({"/usr/bin/strip", "--strip-debug", "-o", copy, program}, std::nullopt,
              std::chrono::seconds(30));
  return copy;
}

}  // namespace

Arguments counted(const Arguments& arguments, const std::filesystem::path& file) {
  if (!std::filesystem::exists(valgrind)) {
    throw std::runtime_error("valgrind is missing; `tools/dev bench` installs it");
  }
  Arguments all{valgrind, "--quiet", "--tool=callgrind", "--callgrind-out-file=" + file.string(),
                // Not on the terminal: it complains of every system call that is newer than itself.
                "--log-file=" + file.string() + ".log"};
  all.push_back(stripped(arguments.front(), file));
  all.insert(all.end(), arguments.begin() + 1, arguments.end());
  return all;
}

double read_instructions(const std::filesystem::path& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    constexpr std::string_view before = "totals: ";
    if (line.starts_with(before)) return std::stod(line.substr(before.size()));
  }
  throw std::runtime_error("callgrind left no count in " + file.string());
}

double instructions_per_request(const Counted& shorter, const Counted& longer) {
  if (longer.requests <= shorter.requests)
    throw std::runtime_error("the longer run had fewer requests");
  return (longer.instructions - shorter.instructions) / (longer.requests - shorter.requests);
}

}  // namespace babilu::bench
