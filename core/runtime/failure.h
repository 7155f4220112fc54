#pragma once

#include <exception>
#include <string>

namespace babilu {

/// What an exception says, for a log.
std::string describe(const std::exception_ptr& failure);

/// Whether it is how a coroutine ends that was asked to: operation_aborted.
bool is_cancellation(const std::exception_ptr& failure);

}  // namespace babilu
