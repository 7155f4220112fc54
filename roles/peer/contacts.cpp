#include "roles/peer/contacts.h"

#include "roles/peer/message.h"

namespace babilu::peer {

namespace {

using ContactRow =
    std::tuple<std::int64_t, std::string, crypto::PublicKey, store::WallTime, std::string>;

Contact to_contact(ContactRow row) {
  auto& [id, name, key, first_seen, address] = row;
  return {id, std::move(name), key, first_seen, std::move(address)};
}

template <class... Values>
std::optional<Contact> find(store::Snapshot& snapshot, std::string_view sql,
                            const Values&... values) {
  auto row =
      snapshot.find<std::int64_t, std::string, crypto::PublicKey, store::WallTime, std::string>(
          sql, values...);
  if (!row) return std::nullopt;
  return to_contact(std::move(*row));
}

std::optional<Contact> find_key(store::Snapshot& snapshot, const crypto::PublicKey& key) {
  return find(snapshot,
              "select id, name, public_key, first_seen, address from contact"
              " where public_key = ? and forgotten is null",
              key);
}

}  // namespace

std::optional<Contact> find_contact(store::Snapshot& snapshot, std::string_view name) {
  return find(snapshot,
              "select id, name, public_key, first_seen, address from contact"
              " where name = ? and forgotten is null",
              name);
}

std::optional<Contact> find_contact_at(store::Snapshot& snapshot, std::string_view address) {
  return find(snapshot,
              "select id, name, public_key, first_seen, address from contact"
              " where address = ? and forgotten is null limit 1",
              address);
}

std::vector<Contact> list_contacts(store::Snapshot& snapshot) {
  std::vector<Contact> contacts;
  for (auto& row :
       snapshot.query<std::int64_t, std::string, crypto::PublicKey, store::WallTime, std::string>(
           "select id, name, public_key, first_seen, address from contact"
           " where forgotten is null order by name limit 10000")) {
    contacts.push_back(to_contact(std::move(row)));
  }
  return contacts;
}

Recognition recognise(store::Transaction& transaction, const Introduced& introduced,
                      store::WallTime now, std::int64_t most_contacts) {
  using enum Recognition::Kind;
  if (auto named = find_contact(transaction, introduced.name)) {
    return {named->key == introduced.key ? known : key_changed, std::move(*named)};
  }
  if (auto keyed = find_key(transaction, introduced.key)) return {name_changed, std::move(*keyed)};

  const auto count =
      transaction.find<std::int64_t>("select count(*) from contact where forgotten is null");
  if (*count >= most_contacts) return {full, {}};
  const auto id = transaction.find<std::int64_t>(
      "insert into contact (name, public_key, first_seen) values (?, ?, ?) returning id",
      introduced.name, introduced.key, now);
  return {added, {*id, introduced.name, introduced.key, now, {}}};
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
