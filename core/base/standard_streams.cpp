#include "core/base/standard_streams.h"

#include <unistd.h>

#include <atomic>

#include "core/base/output_file.h"

namespace babilu {

namespace {

std::atomic<int> first_failure = 0;

}  // namespace

std::error_code print(std::string_view text) noexcept {
  const auto error = write_all(STDOUT_FILENO, bytes_of(text));
  int none = 0;
  if (error) first_failure.compare_exchange_strong(none, error.value());
  return error;
}

std::error_code take_output_error() noexcept {
  return {first_failure.exchange(0), std::generic_category()};
}

void print_error(std::string_view text) noexcept {
  write_all(STDERR_FILENO, bytes_of(text));
}

}  // namespace babilu
