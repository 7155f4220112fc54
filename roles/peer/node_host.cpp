// The half of a Node that connections ask: who is welcome, and what becomes of messages.
#include <fmt/format.h>

#include "core/server/reasons.h"
#include "roles/api/reasons.h"
#include "roles/peer/messages.h"
#include "roles/peer/node_state.h"

namespace babilu::peer {

using rpc::Status;

namespace {

// What the other side is told. It learns nothing of whom we know.
Status refusal_of(Recognition::Kind kind, const std::string& name) {
  switch (kind) {
    case Recognition::Kind::key_changed:
      return {api::peer_reasons.key_changed,
              fmt::format("another key is known here under the name {}; if it really is yours that "
                          "changed, have the old one forgotten here: babilu peer forget {}",
                          name, name)};
    case Recognition::Kind::name_changed:
      return {api::peer_reasons.name_changed,
              "this key is known here under another name; use that one, or have it forgotten here"};
    case Recognition::Kind::full:
      return {api::peer_reasons.contacts_full, "no more contacts fit in here"};
    default:
      return {};
  }
}

Status store_failed(const store::StoreError& error) {
  Status status(api::peer_reasons.store, "the message could not be kept; it may come again");
  status.retry_after =
      std::max<std::chrono::milliseconds>(error.retry_after, std::chrono::seconds(1));
  return status;
}

Status no_room() {
  Status status(api::peer_reasons.contact_full, "there is no more room for your messages");
  status.retry_after = std::chrono::seconds(30);
  return status;
}

}  // namespace

/// Reasons that need no look at the contacts.
std::optional<Status> Node::object_to(const Introduced& introduced, const Visit& visit) const {
  if (introduced.key == profile_.keys.public_key()) {
    return Status(api::peer_reasons.yourself, "both ends are the same person");
  }
  if (introduced.name == profile_.name) {
    return Status(api::peer_reasons.same_name,
                  "both ends are called " + profile_.name + ": nobody could tell who says what");
  }
  const bool expected_another =
      visit.dial != nullptr && !visit.dial->with.empty() && visit.dial->with != introduced.name;
  const bool only_another = !options_.only.empty() && options_.only != introduced.name;
  if (expected_another || only_another) {
    return Status(api::peer_reasons.other_name, "somebody else was expected here");
  }
  return std::nullopt;
}

task<boost::system::result<Contact, Refusal>> Node::recognise(PeerSession& session,
                                                              Introduced introduced) {
  Refusal refusal;
  refusal.address = session.remote();
  refusal.name = introduced.name;
  refusal.shown = introduced.key;
  if (auto objection = object_to(introduced, visit_of(session))) {
    refusal.why = std::move(*objection);
    co_return refusal;
  }
  struct Found {
    Recognition recognition;
    std::optional<Contact> was_there_before;
  };
  const Dial* const dial = visit_of(session).dial;
  Arrival arrival{.invited = dial != nullptr || !options_.only.empty(),
                  .most_contacts = options_.most_contacts,
                  .most_strangers = options_.most_strangers_kept};
  for (const Visit& visit : visits_) {
    if (visit.session->contact()) arrival.here.push_back(visit.session->contact()->id);
  }
  auto unit = [introduced, now = runtime_.clock().wall(), arrival = std::move(arrival),
               dialed = dial == nullptr ? std::string()
                                        : dial->to.to_string()](store::Transaction& transaction) {
    Found found{peer::recognise(transaction, introduced, now, arrival), {}};
    const Recognition& recognition = found.recognition;
    const bool welcome = refusal_of(recognition.kind, {}).ok();
    if (welcome && !dialed.empty()) {
      found.was_there_before = note_address(transaction, recognition.contact.id, dialed);
    }
    return store::commit(std::move(found));
  };
  auto found = co_await write(std::move(unit));
  if (!found) {
    events_.on_trouble("cannot look up " + introduced.name + ": " + found.error().message);
    refusal.why = {api::peer_reasons.store, "contacts cannot be looked up just now"};
    co_return refusal;
  }
  refusal.why = refusal_of(found->recognition.kind, introduced.name);
  if (connections_with(found->recognition.contact) >= options_.most_of_a_contact) {
    refusal.why = {server::reasons.busy, "there are too many connections with you"};
  }
  if (!refusal.why.ok()) {
    if (found->recognition.contact.id != 0) refusal.known = found->recognition.contact;
    co_return refusal;
  }
  Visit& visit = visit_of(session);
  visit.added = found->recognition.kind == Recognition::Kind::added;
  visit.was_there_before = std::move(found->was_there_before);
  co_return std::move(found->recognition.contact);
}

std::size_t Node::connections_with(const Contact& contact) const {
  const auto found = conversations_.find(contact.id);
  return found == conversations_.end() ? 0 : found->second->sessions().size();
}

void Node::on_joined(PeerSession& session) {
  const Contact& contact = *session.contact();
  Visit& visit = visit_of(session);
  auto& conversation = conversations_[contact.id];
  const bool first = conversation == nullptr;
  if (first) {
    Conversation::Listener& listener = *this;
    conversation = std::make_shared<Conversation>(runtime_, profile_, options_, contact, listener);
  }
  conversation->add(visit.session);
  if (!first) return;
  scope_.spawn_essential("conversation", run(conversation));
  events_.on_joined({.contact = contact,
                     .address = visit.dial == nullptr ? session.remote() : visit.dial->to,
                     .dialed = visit.dial != nullptr,
                     .added = visit.added,
                     .was_there_before = visit.was_there_before});
}

task<> Node::run(std::shared_ptr<Conversation> conversation) {
  co_await conversation->pump();
}

task<Status> Node::receive(PeerSession& session, Message message) {
  const Contact contact = *session.contact();
  auto unit = [id = contact.id, message, room = options_.room](store::Transaction& transaction) {
    return store::commit(keep_incoming(transaction, id, message, room));
  };
  const auto receipt = co_await write(std::move(unit));
  if (!receipt) {
    events_.on_trouble("cannot keep a message from " + contact.name + ": " +
                       receipt.error().message);
    co_return store_failed(receipt.error());
  }
  switch (*receipt) {
    case Receipt::kept:
      events_.on_message(contact, message);
      break;
    case Receipt::duplicate:
      break;
    case Receipt::id_reused:
      co_return Status(api::peer_reasons.message_id_reused,
                       "another message was kept under this id");
    case Receipt::full:
      events_.on_trouble("there is no more room for messages from " + contact.name);
      co_return no_room();
    case Receipt::forgotten:
      co_return Status(api::peer_reasons.forgotten, "you have been forgotten here");
  }
  co_return Status();
}

}  // namespace babilu::peer
