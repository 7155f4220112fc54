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
    full,          ///< there are too many contacts
  };
  Kind kind = Kind::known;
  Contact contact;  ///< empty when full
};

/// Looks somebody up whose signature was good. Writes only if they are added.
Recognition recognise(store::Transaction& transaction, const Introduced& introduced,
                      store::WallTime now, std::int64_t most_contacts);

/// Those not forgotten.
std::optional<Contact> find_contact(store::Snapshot& snapshot, std::string_view name);
std::optional<Contact> find_contact_at(store::Snapshot& snapshot, std::string_view address);
/// By name; at most 10,000.
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
