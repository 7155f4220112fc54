#include "roles/peer/messages.h"

#include <algorithm>
#include <ranges>

#include "roles/peer/contacts.h"

namespace babilu::peer {

namespace {

using MessageRow = std::tuple<std::int64_t, MessageId, std::string, store::WallTime,
                              store::WallTime, MessageState>;

Message to_message(MessageRow row) {
  auto& [number, id, text, sent_at, kept_at, state] = row;
  return {number, id, std::move(text), sent_at, kept_at, state};
}

void insert(store::Transaction& transaction, std::int64_t contact, bool outgoing,
            const Message& message) {
  transaction.execute(
      "insert into message (contact, outgoing, message_id, text, sent_at, kept_at, state)"
      " values (?, ?, ?, ?, ?, ?, ?)",
      contact, outgoing, message.id, message.text, message.sent_at, message.kept_at, message.state);
}

std::optional<std::int64_t> find_number(store::Snapshot& snapshot, std::int64_t contact,
                                        bool outgoing, const MessageId& id) {
  return snapshot.find<std::int64_t>(
      "select number from message where contact = ? and outgoing = ? and message_id = ?", contact,
      outgoing, id);
}

}  // namespace

std::optional<std::int64_t> keep_outgoing(store::Transaction& transaction, std::int64_t contact,
                                          const Message& message) {
  if (auto before = find_number(transaction, contact, true, message.id)) return before;
  const auto forgotten =
      transaction.find<bool>("select forgotten is not null from contact where id = ?", contact);
  if (forgotten.value_or(true)) return std::nullopt;
  accept_contact(transaction, contact);
  insert(transaction, contact, true, message);
  return find_number(transaction, contact, true, message.id);
}

std::optional<Message> next_pending(store::Snapshot& snapshot, std::int64_t contact) {
  auto row = snapshot.find<std::int64_t, MessageId, std::string, store::WallTime, store::WallTime,
                           MessageState>(
      "select number, message_id, text, sent_at, kept_at, state from message"
      " where contact = ? and state = 1 order by number limit 1",
      contact);
  if (!row) return std::nullopt;
  return to_message(std::move(*row));
}

std::vector<Pending> list_pending(store::Snapshot& snapshot) {
  std::vector<Pending> pending;
  for (auto& [name, messages] : snapshot.query<std::string, std::int64_t>(
           "select c.name, count(*) from message m join contact c on c.id = m.contact"
           " where m.state = 1 group by m.contact order by c.name")) {
    pending.push_back({std::move(name), static_cast<std::size_t>(messages)});
  }
  return pending;
}

void settle(store::Transaction& transaction, std::int64_t number, MessageState state) {
  transaction.execute("update message set state = ? where number = ? and state = 1", state, number);
}

Receipt keep_incoming(store::Transaction& transaction, std::int64_t contact, const Message& message,
                      const Room& room) {
  const auto before = transaction.find<std::string>(
      "select text from message where contact = ? and outgoing = 0 and message_id = ?", contact,
      message.id);
  if (before) return *before == message.text ? Receipt::duplicate : Receipt::id_reused;
  const auto used = transaction.find<std::int64_t, bool>(
      "select received_bytes, accepted from contact where id = ? and forgotten is null", contact);
  if (!used) return Receipt::forgotten;
  const auto& [used_by_them, accepted] = *used;
  const auto used_by_all = transaction.find<std::int64_t>("select received_bytes from profile");
  const auto bytes = static_cast<std::int64_t>(message.text.size());
  const std::int64_t most = accepted ? room.of_a_contact : room.of_a_stranger;
  if (used_by_them + bytes > most || *used_by_all + bytes > room.of_all) return Receipt::full;
  transaction.execute("update profile set received_bytes = received_bytes + ?", bytes);
  transaction.execute("update contact set received_bytes = received_bytes + ? where id = ?", bytes,
                      contact);
  insert(transaction, contact, false, message);
  return Receipt::kept;
}

std::vector<Message> history(store::Snapshot& snapshot, std::string_view name, int most) {
  std::vector<Message> messages;
  for (auto& row : snapshot.query<std::int64_t, MessageId, std::string, store::WallTime,
                                  store::WallTime, MessageState>(
           "select m.number, m.message_id, m.text, m.sent_at, m.kept_at, m.state"
           " from message m join contact c on c.id = m.contact where c.name = ?"
           " order by m.number desc limit ?",
           name, most)) {
    messages.push_back(to_message(std::move(row)));
  }
  std::ranges::reverse(messages);
  return messages;
}

}  // namespace babilu::peer
