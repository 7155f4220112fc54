#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/store/transaction.h"
#include "roles/peer/message.h"

/// The messages in a profile's database: to be called inside units of its Store. All of them may
/// run twice.
namespace babilu::peer {

/// Keeps a message of ours as pending, before anything is sent; gives its number. Nothing if the
/// contact has been forgotten.
std::optional<std::int64_t> keep_outgoing(store::Transaction& transaction, std::int64_t contact,
                                          const Message& message);
/// The oldest that is still pending for a contact.
std::optional<Message> next_pending(store::Snapshot& snapshot, std::int64_t contact);
/// Says what became of a pending message. What is not pending any more stays as it is.
void settle(store::Transaction& transaction, std::int64_t number, MessageState state);

enum class Receipt : std::uint8_t {
  kept,       ///< new
  duplicate,  ///< it had been kept before
  id_reused,  ///< another text was kept under this id
  full,       ///< the contact has used up its room
  forgotten,  ///< the contact has been forgotten meanwhile
};
/// Keeps a message of theirs, once. `most_bytes` of text are kept from one contact: whoever floods
/// cannot fill the disk.
Receipt keep_incoming(store::Transaction& transaction, std::int64_t contact, const Message& message,
                      std::int64_t most_bytes);

/// The last `most` messages with whoever is or was known under a name, oldest first.
std::vector<Message> history(store::Snapshot& snapshot, std::string_view name, int most);

}  // namespace babilu::peer
