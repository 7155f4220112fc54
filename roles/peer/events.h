#pragma once

#include "roles/peer/peer_session.h"

namespace babilu::peer {

/// Somebody is here to talk.
struct Joined {
  Contact contact;
  net::Address address;
  bool dialed = false;                      ///< by us
  bool added = false;                       ///< met for the first time
  std::optional<Contact> was_there_before;  ///< at the address we dialed: somebody else
};

/// What a Node tells whoever shows it to a person, or tests it. Called on the Runtime's thread,
/// outside of any lock; must not throw. Texts that come from the other side (messages, statuses)
/// are as they came: make them harmless before they are shown.
class Events {
 public:
  virtual void on_joined(const Joined& joined) = 0;
  /// The last connection with a contact has ended. Not called for those that leave() ends.
  virtual void on_left(const Contact& contact, const Ending& ending) = 0;
  /// Kept on disk, and never told before.
  virtual void on_message(const Contact& contact, const Message& message) = 0;
  /// A message of ours is on the other's disk (ok), or never will be (else).
  virtual void on_settled(const Contact& contact, const Message& message,
                          const rpc::Status& why) = 0;
  /// We want nothing to do with somebody: a changed key, a lie, a flood.
  virtual void on_refused(const Refusal& refusal) = 0;
  /// Somebody wants nothing to do with us.
  virtual void on_refused_us(const net::Address& address, const rpc::Status& why) = 0;
  /// An address that we dial does not answer; it is dialed on. Once for each outage.
  virtual void on_unreachable(const net::Address& address, const rpc::Status& why) = 0;
  /// An address is dialed no more: somebody was refused, or we leave.
  virtual void on_dial_ended(const net::Address&) {}
  /// Somebody connected and did not get as far as an introduction.
  virtual void on_stranger(const net::Address& address, const std::string& why) = 0;
  /// This side's own trouble: the disk, the machine.
  virtual void on_trouble(const std::string& what) = 0;

 protected:
  ~Events() = default;
};

}  // namespace babilu::peer
