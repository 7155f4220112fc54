#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "core/rpc/code.h"

namespace babilu::rpc {

/// Why something was refused, or ended: a word for programs that does not change, the status that
/// goes with it, and what it means to a caller. Only a ReasonTable can make one, and a Status takes
/// no other word: so every reason that is used stands in a table, and docs/protocol.md is written
/// from those.
class Reason {
 public:
  /// Where it is met.
  enum class Place : std::uint8_t { reply, goaway, either, nowhere };

  constexpr Code code() const noexcept { return code_; }
  constexpr std::string_view word() const noexcept { return word_; }
  /// For the author of a client: what it means, and what to do.
  constexpr std::string_view meaning() const noexcept { return meaning_; }
  constexpr Place place() const noexcept { return place_; }

 private:
  friend class ReasonTable;
  constexpr Reason(Code code, std::string_view word, std::string_view meaning, Place place) noexcept
      : code_(code), place_(place), word_(word), meaning_(meaning) {}

  Code code_;
  Place place_;
  std::string_view word_;
  std::string_view meaning_;
};

/// The base of the classes whose members are reasons, and nothing else. all_of() goes through them,
/// so none can be forgotten.
class ReasonTable {
 protected:
  static constexpr Reason in_reply(Code code, std::string_view word, std::string_view meaning) {
    return {code, word, meaning, Reason::Place::reply};
  }
  static constexpr Reason in_goaway(Code code, std::string_view word, std::string_view meaning) {
    return {code, word, meaning, Reason::Place::goaway};
  }
  static constexpr Reason in_either(Code code, std::string_view word, std::string_view meaning) {
    return {code, word, meaning, Reason::Place::either};
  }
  /// Never on the wire: what a program says of itself.
  static constexpr Reason local(Code code, std::string_view word, std::string_view meaning) {
    return {code, word, meaning, Reason::Place::nowhere};
  }
};

/// The reasons of a table, in their order.
template <class Table>
std::array<Reason, sizeof(Table) / sizeof(Reason)> all_of(const Table& table) noexcept {
  static_assert(std::is_base_of_v<ReasonTable, Table> && sizeof(Table) % sizeof(Reason) == 0);
  return std::bit_cast<std::array<Reason, sizeof(Table) / sizeof(Reason)>>(table);
}

}  // namespace babilu::rpc
