#pragma once

#include <type_traits>

#include <boost/system/error_code.hpp>

namespace babilu::admin {

/// Why an admin endpoint does not start.
enum class Error {
  token_required = 1,  ///< not on loopback, and no token
  token_empty,         ///< a token is configured, but there is nothing in it
  token_too_short,     ///< not on loopback, and a token that can be guessed
};

const boost::system::error_category& error_category() noexcept;

inline boost::system::error_code make_error_code(Error error) noexcept {
  return {static_cast<int>(error), error_category()};
}

}  // namespace babilu::admin

template <>
struct boost::system::is_error_code_enum<babilu::admin::Error> : std::true_type {};
