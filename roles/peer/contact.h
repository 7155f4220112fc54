#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/crypto/signature.h"
#include "core/store/parameter.h"

namespace babilu::peer {

/// Somebody whom this profile has met: a name, and the key that goes with it for as long as they
/// are kept.
struct Contact {
  std::int64_t id = 0;
  std::string name;
  crypto::PublicKey key{};
  store::WallTime first_seen;
  std::string address;  ///< where they last answered when dialed; empty: never
  /// We have dialed them, written to them, or waited for them by name. Everybody else is a stranger
  /// who came by themselves: kept while there is room for strangers, and never talked to unasked.
  bool accepted = true;
};

/// 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit: as accounts are
/// named. Safe in a file's name and on a terminal.
bool is_valid_name(std::string_view name) noexcept;

}  // namespace babilu::peer
