#include "roles/backend/accounts/rules.h"

#include <algorithm>

#include "core/base/utf8.h"
#include "roles/api/reasons.h"

namespace babilu::backend {

using rpc::Status;

namespace {

constexpr std::size_t most_name_bytes = 64;
constexpr std::size_t least_password_bytes = 8;
constexpr std::size_t most_password_bytes = 1024;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool may_be_in_a_name(char c) {
  return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
}

}  // namespace

Status check_name(std::string_view name) {
  const bool valid = !name.empty() && name.size() <= most_name_bytes &&
                     is_letter_or_digit(name.front()) &&
                     std::all_of(name.begin(), name.end(), may_be_in_a_name);
  if (valid) return {};
  return {api::reasons.name_invalid,
          "a name is 1 to 64 of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit"};
}

Status check_password(std::string_view password) {
  if (password.size() < least_password_bytes) {
    return {api::reasons.password_too_short, "a password has at least 8 bytes"};
  }
  if (password.size() > most_password_bytes) {
    return {api::reasons.password_too_long, "a password has at most 1,024 bytes"};
  }
  if (password.find('\0') != std::string_view::npos || !is_utf8(password)) {
    return {api::reasons.password_invalid, "a password is UTF-8 text without NUL"};
  }
  return {};
}

}  // namespace babilu::backend
