#pragma once

#include <string_view>
#include <system_error>

/// What a program says on its standard streams. Everything that is said goes through here: a
/// buffer that is written when the process ends tells nobody that it could not be, and a failure
/// that is thrown ends what had nothing to do with it.
namespace babilu {

/// Writes all of it to the standard output, at once. A reader that has gone ends the process by
/// SIGPIPE, as it does everywhere, unless that is ignored. False when it could not be written; why
/// is kept: take_output_error(). Any thread.
bool print(std::string_view text) noexcept;

/// The first failure of print(), until it is taken.
std::error_code take_output_error() noexcept;

/// Writes all of it to the standard error, made harmless (core/base/harmless.h) line by line. What
/// cannot be written is lost: nobody is left to be told, and it changes nothing of what was done.
/// Any thread.
void print_error(std::string_view text) noexcept;

}  // namespace babilu
