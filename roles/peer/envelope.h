#pragma once

#include "core/rpc/status.h"
#include "roles/peer/message.h"

namespace babilu::api {
class DeliverRequest;
}

/// Between a message as its writer wrote it and what travels in peer.Deliver. Everything that is
/// said passes through these two functions and nothing else does: here the contact's ratchet will
/// seal and open, whether the envelope then goes to the peer itself or to its mailbox. Today TLS
/// alone protects a text on its way.
namespace babilu::peer {

void seal(const Message& message, api::DeliverRequest& envelope);

/// The message, with `now` as the time it was kept; or what is wrong with the envelope.
rpc::Outcome<Message> open(const api::DeliverRequest& envelope, store::WallTime now);

}  // namespace babilu::peer
