#pragma once

#include <utility>

#include "core/rpc/request_id.h"
#include "core/rpc/session.h"
#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"

namespace babilu::rpc {

/// A request of theirs, with copies of what its frame held.
struct Session::Request {
  Request(Session& owner, const ServiceTable::Entry& serving, const wire::Frame& frame)
      : session(owner),
        entry(serving),
        stream(frame.header.stream),
        message(frame.message().begin(), frame.message().end()),
        request_id(make_request_id(owner.runtime_.random())),
        began(owner.runtime_.now()),
        expiry(
            owner.runtime_.clock(), [](void* self) { static_cast<Request*>(self)->expire(); },
            this) {}

  /// Answers once; what comes later is dropped.
  void answer(Reply reply) {
    if (answered) return;
    answered = true;
    if (!reply.status.ok()) reply.status.request_id = request_id;
    expiry.cancel();
    session.connection_.multiplexer().reply(stream, reply);
    session.connection_.flush();
    if (session.observer_ != nullptr) {
      session.observer_->on_reply(entry.traits, reply.status.code, session.runtime_.now() - began);
    }
    session.changed_.notify_all();
  }

  void expire() { give_up({reasons.deadline, "the time for this request is up"}); }

  /// Answers before the handler does, and tells it.
  void give_up(Status why) {
    answer(Reply::refuse(std::move(why)));
    if (call == nullptr || std::exchange(call->given_up, true)) return;
    if (call->when_given_up) call->when_given_up();
  }

  Session& session;
  const ServiceTable::Entry& entry;
  std::uint32_t stream;
  Bytes message;
  wire::Metadata metadata;
  wire::Hop hop;
  const std::string request_id;
  Deadline deadline = no_deadline;
  Clock::time_point began;
  Alarm expiry;
  Call* call = nullptr;  ///< while the handler runs
  bool answered = false;
};

}  // namespace babilu::rpc
