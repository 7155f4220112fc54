#include "roles/peer/envelope.h"

#include <algorithm>

#include "roles/api/peer.pb.h"
#include "roles/api/reasons.h"

namespace babilu::peer {

using rpc::Status;

namespace {

// The year 2200: times beyond do not fit the system's clock with certainty.
constexpr std::uint64_t latest_time_ms = 7'258'118'400'000;

}  // namespace

void seal(const Message& message, api::DeliverRequest& envelope) {
  const auto sent_at =
      std::chrono::floor<std::chrono::milliseconds>(message.sent_at.time_since_epoch());
  envelope.set_message_id(message.id.data(), message.id.size());
  envelope.set_sent_at(static_cast<std::uint64_t>(sent_at.count()));
  envelope.set_text(message.text);
}

rpc::Outcome<Message> open(const api::DeliverRequest& envelope, store::WallTime now) {
  Message message;
  if (envelope.message_id().size() != message.id.size()) {
    return Status(api::peer_reasons.message_id, "a message's id has 16 bytes");
  }
  if (envelope.sent_at() > latest_time_ms) {
    return Status(api::peer_reasons.sent_at, "the time is not in milliseconds since 1970");
  }
  if (Status status = check_text(envelope.text()); !status.ok()) return status;
  std::ranges::copy(bytes_of(envelope.message_id()), message.id.begin());
  message.text = envelope.text();
  message.sent_at = store::WallTime(std::chrono::milliseconds(envelope.sent_at()));
  message.kept_at = now;
  message.state = MessageState::received;
  return message;
}

}  // namespace babilu::peer
