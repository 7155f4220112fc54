#pragma once

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string_view>

#include <gtest/gtest.h>

/// The tests come in two sizes: the usual one, and a long one (`tools/dev test --long`, which sets
/// BABILU_TEST_LONG) where more seeds and more rounds give more confidence.
namespace babilu::test {

inline bool long_run() {
  const char* const set = std::getenv("BABILU_TEST_LONG");
  return set != nullptr && *set != '\0' && std::string_view(set) != "0";
}

/// How often to do what differs each time.
inline int repetitions(int usually, int at_length) {
  return long_run() ? at_length : usually;
}

/// Runs a test with seeds from `first` on, each in turn, up to the first that fails, which is
/// named.
template <class Run>
void for_each_seed(std::uint64_t first, int count, Run&& run) {
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(count); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    try {
      run(seed);
    } catch (const std::exception& thrown) {
      ADD_FAILURE() << thrown.what();
    }
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace babilu::test
