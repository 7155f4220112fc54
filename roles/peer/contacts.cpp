#include "roles/peer/contacts.h"

#include <algorithm>

#include "roles/peer/message.h"

namespace babilu::peer {

namespace {

using ContactRow =
    std::tuple<std::int64_t, std::string, crypto::PublicKey, store::WallTime, std::string, bool>;

Contact to_contact(ContactRow row) {
  auto& [id, name, key, first_seen, address, accepted] = row;
  return {id, std::move(name), key, first_seen, std::move(address), accepted};
}

template <class... Values>
std::optional<Contact> find(store::Snapshot& snapshot, std::string_view sql,
                            const Values&... values) {
  auto row = snapshot.find<std::int64_t, std::string, crypto::PublicKey, store::WallTime,
                           std::string, bool>(sql, values...);
  if (!row) return std::nullopt;
  return to_contact(std::move(*row));
}

std::optional<Contact> find_key(store::Snapshot& snapshot, const crypto::PublicKey& key) {
  return find(snapshot,
              "select id, name, public_key, first_seen, address, accepted from contact"
              " where public_key = ? and forgotten is null",
              key);
}

bool has_room(store::Snapshot& snapshot, const Arrival& arrival) {
  const auto count = snapshot.find<std::int64_t>(
      "select count(*) from contact where forgotten is null and accepted = ?", arrival.invited);
  return *count < (arrival.invited ? arrival.most_contacts : arrival.most_strangers);
}

std::optional<std::int64_t> stranger_to_drop(store::Snapshot& snapshot,
                                             const std::vector<std::int64_t>& here) {
  for (const std::int64_t id : snapshot.query<std::int64_t>(
           "select id from contact where forgotten is null and accepted = 0"
           " order by received_bytes > 0, id limit 1000")) {
    if (std::ranges::find(here, id) == here.end()) return id;
  }
  return std::nullopt;
}

void drop(store::Transaction& transaction, std::int64_t contact) {
  transaction.execute(
      "update profile set received_bytes = received_bytes -"
      " (select received_bytes from contact where id = ?)",
      contact);
  transaction.execute("delete from message where contact = ?", contact);
  transaction.execute("delete from contact where id = ?", contact);
}

}  // namespace

std::optional<Contact> find_contact(store::Snapshot& snapshot, std::string_view name) {
  return find(snapshot,
              "select id, name, public_key, first_seen, address, accepted from contact"
              " where name = ? and forgotten is null",
              name);
}

std::optional<Contact> find_contact_at(store::Snapshot& snapshot, std::string_view address) {
  return find(snapshot,
              "select id, name, public_key, first_seen, address, accepted from contact"
              " where address = ? and forgotten is null limit 1",
              address);
}

std::vector<Contact> list_contacts(store::Snapshot& snapshot) {
  std::vector<Contact> contacts;
  for (auto& row :
       snapshot
           .query<std::int64_t, std::string, crypto::PublicKey, store::WallTime, std::string, bool>(
               "select id, name, public_key, first_seen, address, accepted from contact"
               " where forgotten is null order by name limit 20000")) {
    contacts.push_back(to_contact(std::move(row)));
  }
  return contacts;
}

Recognition recognise(store::Transaction& transaction, const Introduced& introduced,
                      store::WallTime now, const Arrival& arrival) {
  using enum Recognition::Kind;
  if (auto named = find_contact(transaction, introduced.name)) {
    if (named->key != introduced.key) return {key_changed, std::move(*named)};
    if (arrival.invited && !named->accepted) {
      accept_contact(transaction, named->id);
      named->accepted = true;
    }
    return {known, std::move(*named)};
  }
  if (auto keyed = find_key(transaction, introduced.key)) return {name_changed, std::move(*keyed)};

  std::optional<std::int64_t> leaving;
  if (!has_room(transaction, arrival)) {
    if (!arrival.invited) leaving = stranger_to_drop(transaction, arrival.here);
    if (!leaving) return {full, {}};
  }
  // Only then is the other dropped: their number must not be given out again.
  const auto id = transaction.find<std::int64_t>(
      "insert into contact (name, public_key, first_seen, accepted) values (?, ?, ?, ?)"
      " returning id",
      introduced.name, introduced.key, now, arrival.invited);
  if (leaving) drop(transaction, *leaving);
  return {added, {*id, introduced.name, introduced.key, now, {}, arrival.invited}};
}

void accept_contact(store::Transaction& transaction, std::int64_t contact) {
  transaction.execute("update contact set accepted = 1 where id = ? and accepted = 0", contact);
}

std::optional<Contact> note_address(store::Transaction& transaction, std::int64_t contact,
                                    std::string_view address) {
  auto before = find_contact_at(transaction, address);
  if (before && before->id == contact) return std::nullopt;
  transaction.execute("update contact set address = '' where address = ? and id <> ?", address,
                      contact);
  transaction.execute("update contact set address = ? where id = ?", address, contact);
  return before;
}

std::optional<Forgotten> forget_contact(store::Transaction& transaction, std::string_view name,
                                        store::WallTime now) {
  auto contact = find_contact(transaction, name);
  if (!contact) return std::nullopt;
  transaction.execute("update contact set forgotten = ?, address = '' where id = ?", now,
                      contact->id);
  auto given_up = transaction.query<std::int64_t>(
      "update message set state = ? where contact = ? and state = 1 returning number",
      MessageState::refused, contact->id);
  return Forgotten{std::move(*contact), std::move(given_up)};
}

}  // namespace babilu::peer
