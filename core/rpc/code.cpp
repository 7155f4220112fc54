#include "core/rpc/code.h"

#include <array>

namespace babilu::rpc {

namespace {

struct Entry {
  const char* name;
  std::string_view meaning;
};

constexpr std::array<Entry, code_count> entries{{
    {"ok", "done"},
    {"cancelled", "the caller cancelled"},
    {"unknown", "a status that this side does not know"},
    {"invalid_argument", "the request is wrong, whoever answers it: mend it"},
    {"deadline_exceeded", "the time was up first; nothing is said of the effect"},
    {"not_found", "what is named does not exist"},
    {"already_exists", "what was to be made exists"},
    {"permission_denied", "not for this caller, whatever is proved"},
    {"resource_exhausted", "too much, for this caller or in all: later, or less"},
    {"failed_precondition", "not in the state in which things are"},
    {"aborted", "given up half-way, without an effect; not used in version 1"},
    {"out_of_range", "past an end; not used in version 1"},
    {"unimplemented", "not offered here"},
    {"internal", "a fault of this stack"},
    {"unavailable", "nobody is there who could do it now: later"},
    {"data_loss", "what was stored is damaged"},
    {"unauthenticated", "who asks has not been proved"},
}};

}  // namespace

const char* to_string(Code code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return index < entries.size() ? entries[index].name : "unknown";
}

std::string_view meaning_of(Code code) noexcept {
  return entries.at(static_cast<std::size_t>(code)).meaning;
}

}  // namespace babilu::rpc
