#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/net/security.h"
#include "core/runtime/scope.h"
#include "roles/peer/contacts.h"
#include "roles/peer/conversation.h"
#include "roles/peer/events.h"
#include "roles/peer/messages.h"

namespace babilu::peer {

/// A peer: listens and dials, any number of conversations at once, on one Runtime.
///
/// Every message is on disk before it is sent and before it is acknowledged; what could not be
/// delivered waits for the contact's next connection. leave() comes before destruction. Owner and
/// thread: the Runtime's.
class Node final : private PeerSession::Host, private Conversation::Listener {
 public:
  Node(Runtime& runtime, net::Network& network, net::Security& security, Profile& profile,
       NodeOptions options, Events& events);
  ~Node();

  /// Accepts whoever connects.
  void listen(net::ListenerPtr listener);

  /// Connects, and again whenever the connection ends, until somebody is refused. With a name, only
  /// whoever has it is accepted. False when the address is being dialed already.
  bool dial(const net::Address& to, std::string with = {});
  bool dials(const net::Address& to) const;

  struct Sent {
    Contact contact;
    Message message;
    bool here = false;  ///< on its way now; else kept until the contact is back
  };
  /// Keeps a message and sends it as soon as its contact is here.
  /// Errors: those of check_text, not_found (no_contact), unavailable (store).
  task<rpc::Outcome<Sent>> send(std::string name, std::string text);
  /// Of those that were sent since the start.
  std::size_t unsettled() const noexcept { return unsettled_.size(); }

  bool is_here(std::string_view name) const;
  task<rpc::Outcome<std::vector<Contact>>> contacts();
  task<rpc::Outcome<std::optional<Contact>>> contact_at(net::Address address);
  /// All that has not arrived yet, whenever it was written and by whichever process.
  task<rpc::Outcome<std::vector<Pending>>> pending();
  task<rpc::Outcome<std::vector<Message>>> history(std::string name, int most);
  /// Forgets a contact and ends the connections with them. Errors: not_found (no_contact).
  task<rpc::Outcome<Forgotten>> forget(std::string name);

  /// Ends every connection in order: what is being received is kept first.
  task<> leave(Deadline deadline);

 private:
  struct Dial;
  struct Visit;
  struct Guest;

  void take_guest(net::StreamPtr stream);
  bool make_room_for(const net::Address& newcomer);
  Guest* oldest_of_the_most(const std::string& newcomers_share, bool strangers_only);
  task<> receive_guest(std::list<Guest>::iterator guest, net::StreamPtr raw);
  task<> serve(Guest& guest, net::StreamPtr raw);
  task<> keep_dialing(Dial& dial);
  task<Ending> attempt(Dial& dial);
  task<Ending> converse(net::StreamPtr stream, rpc::Side side, Dial* dial, Guest* guest);
  task<> run(std::shared_ptr<Conversation> conversation);
  /// True when it was the last one with its contact.
  bool end_visit(std::list<Visit>::iterator visit);

  task<boost::system::result<Contact, Refusal>> recognise(PeerSession& session,
                                                          Introduced introduced) override;
  std::optional<rpc::Status> object_to(const Introduced& introduced, const Visit& visit) const;
  void on_joined(PeerSession& session) override;
  task<rpc::Status> receive(PeerSession& session, Message message) override;
  void on_refused(const Refusal& refusal) override { events_.on_refused(refusal); }

  void on_settled(const Contact& contact, const Message& message, const rpc::Status& why) override;
  void on_trouble(const std::string& what) override { events_.on_trouble(what); }

  Visit& visit_of(const PeerSession& session);
  std::size_t connections_with(const Contact& contact) const;
  Deadline store_deadline() const;
  template <class F>
  auto write(F unit);

  Runtime& runtime_;
  net::Network& network_;
  net::Security& security_;
  Profile& profile_;
  const NodeOptions options_;
  Events& events_;
  Scope scope_;
  Condition changed_;
  std::vector<net::ListenerPtr> listeners_;
  std::list<Dial> dials_;
  std::list<Guest> guests_;  ///< the oldest first
  std::list<Visit> visits_;
  std::map<std::int64_t, std::shared_ptr<Conversation>> conversations_;  ///< by contact
  std::set<std::int64_t> unsettled_;
  bool leaving_ = false;
};

}  // namespace babilu::peer
