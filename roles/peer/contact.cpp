#include "roles/peer/contact.h"

#include <algorithm>

namespace babilu::peer {

namespace {

constexpr std::size_t most_name_bytes = 64;

bool is_letter_or_digit(char c) {
  return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9');
}

bool may_be_in_a_name(char c) {
  return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
}

}  // namespace

bool is_valid_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= most_name_bytes && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), may_be_in_a_name);
}

}  // namespace babilu::peer
