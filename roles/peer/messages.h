#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/store/transaction.h"
#include "roles/peer/message.h"

/// The messages in a profile's database: to be called inside units of its Store. All of them may
/// run twice.
namespace babilu::peer {

/// Keeps a message of ours as pending, before anything is sent; gives its number. Whom one writes
/// to is no stranger any more. Nothing if the contact has been forgotten.
std::optional<std::int64_t> keep_outgoing(store::Transaction& transaction, std::int64_t contact,
                                          const Message& message);
/// The oldest that is still pending for a contact.
std::optional<Message> next_pending(store::Snapshot& snapshot, std::int64_t contact);
/// What waits for a contact who is not forgotten.
struct Pending {
  std::string name;
  std::size_t messages = 0;
};
/// By name; nobody for whom nothing is pending.
std::vector<Pending> list_pending(store::Snapshot& snapshot);
/// Says what became of a pending message. What is not pending any more stays as it is.
void settle(store::Transaction& transaction, std::int64_t number, MessageState state);

enum class Receipt : std::uint8_t {
  kept,       ///< new
  duplicate,  ///< it had been kept before
  id_reused,  ///< another text was kept under this id
  full,       ///< the contact has used up its room, or all together have
  forgotten,  ///< the contact has been forgotten meanwhile
};
/// How many bytes of text are kept, so that nobody can fill the disk.
struct Room {
  std::int64_t of_a_contact = 0;
  std::int64_t of_a_stranger = 0;
  std::int64_t of_all = 0;
};
/// Keeps a message of theirs, once.
Receipt keep_incoming(store::Transaction& transaction, std::int64_t contact, const Message& message,
                      const Room& room);

/// The last `most` messages with whoever is or was known under a name, oldest first.
std::vector<Message> history(store::Snapshot& snapshot, std::string_view name, int most);

}  // namespace babilu::peer
