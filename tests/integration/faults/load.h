#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/support/stack.h"

namespace babilu::testing {

/// What the bots reported, as far as these tests look at it.
struct LoadReport {
  struct Error {
    std::string phase, method, code, reason;
    std::uint64_t count = 0;
  };

  int exit_code = -1;
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;
  std::uint64_t omitted = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t corrupt = 0;
  std::uint64_t unchecked = 0;
  double median_ms = 0;
  double longest_ms = 0;  ///< the longest that one request took, from when it was due
  std::vector<Error> errors;
  std::string said;
};

/// Bots that load a stack while something happens to it: open loop, until finish().
class Load {
 public:
  struct Options {
    std::string name;  ///< of the figures in the test's output
    std::string scenario = "mixed";
    int sessions = 16;
    int rate = 300;
    std::string deadline = "60s";  ///< of a request: the end of a hang, no judgement
    std::vector<std::string> more = {};
  };
  Load(const Stack& stack, Options options);

  /// Waits until everybody has connected and the load runs.
  bool begun() { return process_.says("load:"); }
  /// Ends the load, lets the bots check, and prints what they found.
  LoadReport finish();

 private:
  static std::vector<std::string> arguments(const Stack& stack, const Options& options,
                                            const std::filesystem::path& report);

  Options options_;
  std::filesystem::path report_;
  Process process_;
};

/// Nothing that was acknowledged is lost, doubled or wrong, and all of it was looked at.
void expect_kept(const LoadReport& report);
/// Nobody noticed anything: every request was answered, on the session that it began on.
void expect_unnoticed(const LoadReport& report);
/// Sessions lasted, and what failed did so with one of these codes.
void expect_only(const LoadReport& report, const std::vector<std::string>& codes);

}  // namespace babilu::testing
