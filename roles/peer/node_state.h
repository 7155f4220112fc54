#pragma once

#include "core/runtime/runtime.h"
#include "roles/peer/node.h"

/// What a Node holds; internal to it.
namespace babilu::peer {

/// An address that is being dialed.
struct Node::Dial {
  net::Address to;
  std::string with;  ///< the only one to accept; empty: whoever answers
};

/// A connection that was accepted, from its first byte on.
struct Node::Guest {
  Guest(Runtime& runtime, net::Address from);

  bool is_stranger() const { return !session || !session->contact(); }
  /// Nobody whom we have ever talked to.
  bool may_give_way() const { return is_stranger() || !session->contact()->accepted; }

  const net::Address address;
  const std::string share;               ///< the same for addresses that one customer has
  std::shared_ptr<PeerSession> session;  ///< null before TLS is up
  Scope scope;                           ///< cancelled when it has to go
};

/// A connection with a session.
struct Node::Visit {
  std::shared_ptr<PeerSession> session;
  Dial* dial = nullptr;  ///< null when it was accepted
  bool added = false;
  std::optional<Contact> was_there_before;
};

/// Runs a unit, again if its commit was lost: all of this role's can run twice.
template <class F>
auto Node::write(F unit) {
  return profile_.store->write(runtime_, std::move(unit), store_deadline(),
                               store::AfterLostCommit::run_again);
}

}  // namespace babilu::peer
