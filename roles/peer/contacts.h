#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/store/transaction.h"
#include "roles/peer/contact.h"
#include "roles/peer/introduction.h"

/// The contacts in a profile's database: to be called inside units of its Store.
namespace babilu::peer {

/// Trust on first use: whoever comes first under a name keeps it, with their key.
struct Recognition {
  enum class Kind : std::uint8_t {
    known,
    added,         ///< new: kept from now on
    key_changed,   ///< `contact` has this name, with another key
    name_changed,  ///< `contact` has this key, under another name
    full,          ///< there are too many contacts, or all strangers that are kept are here
  };
  Kind kind = Kind::known;
  Contact contact;  ///< empty when full
};

/// How somebody comes, and for how many there is room.
struct Arrival {
  bool invited = false;  ///< we dialed them, or wait for them by name: no stranger
  std::int64_t most_contacts = 0;
  std::int64_t most_strangers = 0;
  std::vector<std::int64_t> here;  ///< contacts who must not give way to a stranger
};

/// Looks somebody up whose signature was good, and keeps them if they are new. Where there is no
/// room for one more stranger, another is dropped with all that they said: of those who never said
/// anything the one that came first, else the one that came first.
Recognition recognise(store::Transaction& transaction, const Introduced& introduced,
                      store::WallTime now, const Arrival& arrival);

/// From now on they are no stranger.
void accept_contact(store::Transaction& transaction, std::int64_t contact);

/// Those not forgotten.
std::optional<Contact> find_contact(store::Snapshot& snapshot, std::string_view name);
std::optional<Contact> find_contact_at(store::Snapshot& snapshot, std::string_view address);
/// By name; at most 20,000.
std::vector<Contact> list_contacts(store::Snapshot& snapshot);

/// Notes where a contact answered. Gives the contact that had been there before, if another.
std::optional<Contact> note_address(store::Transaction& transaction, std::int64_t contact,
                                    std::string_view address);

struct Forgotten {
  Contact contact;
  std::vector<std::int64_t> given_up;  ///< numbers of messages that now never go out
};
/// Frees the name and the key; what was said stays. Messages that were waiting are given up, as
/// whoever comes next under this name is somebody else. Nothing if there is no such contact.
std::optional<Forgotten> forget_contact(store::Transaction& transaction, std::string_view name,
                                        store::WallTime now);

}  // namespace babilu::peer
