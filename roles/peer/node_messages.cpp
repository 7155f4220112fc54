// What a person does with a Node: write, look, forget.
#include "core/crypto/random.h"
#include "roles/api/reasons.h"
#include "roles/peer/node_state.h"

namespace babilu::peer {

using rpc::Outcome;
using rpc::Status;

namespace {

Status no_contact(const std::string& name) {
  return {api::peer_reasons.no_contact, "nobody called " + name + " is known"};
}

Status store_failed(const store::StoreError& error) {
  return {api::peer_reasons.store, error.message};
}

}  // namespace

task<Outcome<Node::Sent>> Node::send(std::string name, std::string text) {
  if (Status status = check_text(text); !status.ok()) co_return status;
  Message message;
  message.id = crypto::random_array<std::tuple_size_v<MessageId>>(runtime_.random());
  message.text = std::move(text);
  message.sent_at = message.kept_at = runtime_.clock().wall();

  struct Kept {
    Contact contact;
    std::int64_t number;
  };
  auto unit = [name, message](store::Transaction& transaction) {
    std::optional<Kept> kept;
    if (auto contact = find_contact(transaction, name)) {
      const auto number = keep_outgoing(transaction, contact->id, message);
      if (number) kept = Kept{std::move(*contact), *number};
    }
    return store::commit(std::move(kept));
  };
  auto kept = co_await write(std::move(unit));
  if (!kept) co_return store_failed(kept.error());
  if (!*kept) co_return no_contact(name);
  message.number = (*kept)->number;
  unsettled_.insert(message.number);
  const auto conversation = conversations_.find((*kept)->contact.id);
  const bool here = conversation != conversations_.end();
  if (here) {
    conversation->second->accept();
    conversation->second->wake();
  }
  co_return Sent{std::move((*kept)->contact), std::move(message), here};
}

void Node::on_settled(const Contact& contact, const Message& message, const Status& why) {
  unsettled_.erase(message.number);
  changed_.notify_all();
  events_.on_settled(contact, message, why);
}

bool Node::is_here(std::string_view name) const {
  for (const auto& [id, conversation] : conversations_) {
    if (conversation->contact().name == name) return true;
  }
  return false;
}

task<Outcome<std::vector<Contact>>> Node::contacts() {
  auto unit = [](store::Snapshot& snapshot) { return list_contacts(snapshot); };
  auto found = co_await profile_.store->read(runtime_, std::move(unit), store_deadline());
  if (!found) co_return store_failed(found.error());
  co_return std::move(*found);
}

task<Outcome<std::optional<Contact>>> Node::contact_at(net::Address address) {
  auto unit = [text = address.to_string()](store::Snapshot& snapshot) {
    return find_contact_at(snapshot, text);
  };
  auto found = co_await profile_.store->read(runtime_, std::move(unit), store_deadline());
  if (!found) co_return store_failed(found.error());
  co_return std::move(*found);
}

task<Outcome<std::vector<Pending>>> Node::pending() {
  auto unit = [](store::Snapshot& snapshot) { return list_pending(snapshot); };
  auto found = co_await profile_.store->read(runtime_, std::move(unit), store_deadline());
  if (!found) co_return store_failed(found.error());
  co_return std::move(*found);
}

task<Outcome<std::vector<Message>>> Node::history(std::string name, int most) {
  auto unit = [name, most](store::Snapshot& snapshot) {
    return peer::history(snapshot, name, most);
  };
  auto found = co_await profile_.store->read(runtime_, std::move(unit), store_deadline());
  if (!found) co_return store_failed(found.error());
  co_return std::move(*found);
}

task<Outcome<Forgotten>> Node::forget(std::string name) {
  auto unit = [name, now = runtime_.clock().wall()](store::Transaction& transaction) {
    return store::commit(forget_contact(transaction, name, now));
  };
  auto forgotten = co_await write(std::move(unit));
  if (!forgotten) co_return store_failed(forgotten.error());
  if (!*forgotten) co_return no_contact(name);
  for (const std::int64_t number : (*forgotten)->given_up) unsettled_.erase(number);
  changed_.notify_all();
  const auto conversation = conversations_.find((*forgotten)->contact.id);
  if (conversation != conversations_.end()) {
    for (const auto& session : conversation->second->sessions()) session->close({});
  }
  co_return std::move(**forgotten);
}

}  // namespace babilu::peer
