#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/rpc/status.h"
#include "core/store/parameter.h"

namespace babilu::peer {

/// Random; tells a repeated message from a new one.
using MessageId = std::array<std::uint8_t, 16>;

inline constexpr std::size_t most_text_bytes = 16 * 1024;

/// What became of a message. The numbers are in the database.
enum class MessageState : std::uint8_t {
  received = 0,   ///< from the other
  pending = 1,    ///< ours; not yet on the other's disk
  delivered = 2,  ///< ours; acknowledged
  refused = 3,    ///< ours; the other will never take it, or was forgotten before it could
};

struct Message {
  std::int64_t number = 0;  ///< in this profile's database, increasing
  MessageId id{};
  std::string text;
  store::WallTime sent_at;  ///< by the sender's clock
  store::WallTime kept_at;  ///< by ours
  MessageState state = MessageState::pending;
};

/// Whether this may be a message's text: 1 byte to most_text_bytes of UTF-8 without NUL. Control
/// characters are allowed: what shows a text makes it harmless (core/base/harmless.h).
rpc::Status check_text(std::string_view text);

}  // namespace babilu::peer
