#include "roles/proxy/relay.h"

#include <algorithm>
#include <cassert>
#include <tuple>

#include <fmt/format.h>

#include "core/rpc/request_id.h"
#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"
#include "roles/api/reasons.h"
#include "roles/proxy/client_session.h"
#include "roles/proxy/link.h"
#include "roles/proxy/pool.h"
#include "roles/proxy/relayed.h"
#include "roles/proxy/waiting_lists.h"

namespace babilu::proxy {

using rpc::Code;
using rpc::Multiplexer;
using rpc::Reply;

namespace {

/// Requests that are kept for others to come: as many as 1,024 sessions have under way, one each.
constexpr std::size_t most_spare = 1024;

}  // namespace

Bytes encode_hop(std::string_view client_address, std::uint32_t attempt) {
  wire::Hop hop;
  hop.set_client_address(std::string(client_address));
  hop.set_attempt(attempt);
  Bytes encoded(hop.ByteSizeLong());
  hop.SerializeToArray(encoded.data(), static_cast<int>(encoded.size()));
  return encoded;
}

Relay::Relay(Runtime& runtime, RelayObserver& observer, const RelayOptions& options)
    : runtime_(runtime),
      observer_(observer),
      options_(options),
      waiting_lists_(std::make_unique<WaitingLists>()),
      expiry_(runtime.clock(), [](void* self) { static_cast<Relay*>(self)->expire(); }, this) {}

Relay::~Relay() {
  while (Relayed* const left = waiting_lists_->any()) {
    waiting_lists_->remove(*left);
    delete left;
  }
  while (spare_ != nullptr) delete std::exchange(spare_, spare_->next_spare);
}

Relay::RelayedPtr Relay::make() {
  if (spare_ == nullptr) return RelayedPtr(new Relayed, Recycle{this});
  --spares_;
  return RelayedPtr(std::exchange(spare_, spare_->next_spare), Recycle{this});
}

Relay::RelayedPtr Relay::take(Multiplexer::Tag tag) {
  return RelayedPtr(Relayed::from(tag), Recycle{this});
}

void Relay::Recycle::operator()(Relayed* relayed) const noexcept {
  if (relay->spares_ == most_spare) {
    delete relayed;
    return;
  }
  relayed->clear();
  relayed->next_spare = std::exchange(relay->spare_, relayed);
  ++relay->spares_;
}

rpc::Status Relay::lost() {
  return {api::reasons.backend_lost, "the backend was lost before it replied"};
}

/// What was never sent may always be sent again.
Reply Relay::refusal(const Relayed& relayed, rpc::Status why) {
  Reply reply = Reply::refuse(std::move(why));
  reply.unstarted = relayed.sends == 0;
  return reply;
}

bool Relay::passes(ClientSession& session, const wire::Frame& frame) const {
  return frame.header.hop == 0 && session.hop().size() + frame.body.size() <= frame_limit_ &&
         session.take_request(runtime_.turn_began(),
                              [&] { return costs_.of(frame.header.method); });
}

rpc::Status Relay::too_large(const ClientSession& session) const {
  return {rpc::reasons.request_too_large,
          fmt::format("a request and the {} bytes that the proxy adds may have {} bytes "
                      "after the header; send large inputs in parts",
                      session.hop().size(), frame_limit_)};
}

/// Backends may have come that take less than those that were there when it was asked.
bool Relay::still_fits(const Relayed& relayed) const {
  return relayed.session->hop().size() + relayed.what_was_kept().size() <= frame_limit_;
}

rpc::Status Relay::why_not(const ClientSession& session, const wire::Frame& frame) const {
  if (frame.header.hop != 0) {
    return {rpc::reasons.hop_not_allowed, "hop data comes from a proxy only"};
  }
  if (session.hop().size() + frame.body.size() > frame_limit_) return too_large(session);
  return session.too_many_requests(costs_.of(frame.header.method));
}

void Relay::on_request(ClientSession& session, const wire::Frame& frame, Multiplexer::Tag& tag) {
  RelayedPtr relayed = make();
  relayed->begin(session, frame.header, runtime_.turn_began());
  if (!passes(session, frame)) {
    answer(*relayed, refusal(*relayed, why_not(session, frame)));
    return;
  }
  tag = Relayed::tag(relayed.get());
  const ByteView payload = frame.payload();
  const bool sent = send(*relayed, payload, nullptr);
  if (relayed->may_be_sent_again() || !sent) {
    relayed->keep(payload);
    session.keep(payload.size(), options_.session_bytes);
  }
  if (sent) {
    std::ignore = relayed.release();  // owned by its stream on the link
  } else {
    wait(std::move(relayed), options_.wait_for_backend);
  }
}

void Relay::on_refused(ClientSession& session, const wire::Frame& frame, rpc::Status& why) {
  why.request_id = rpc::make_request_id(runtime_.random());
  observer_.on_refused({&session, nullptr, frame.header.method, why.code, {}, 0, 0}, why);
}

bool Relay::send(Relayed& relayed, ByteView payload, const Link* except) {
  const auto now = runtime_.turn_began();
  const auto left = relayed.time_left(now);
  if (!left) return false;
  Link* const link = pool_->choose(relayed.head.method, relayed.head.route, except, now);
  if (link == nullptr) return false;
  ++relayed.sends;
  relayed.link = link;
  wire::Header head = relayed.head;
  head.value = *left;
  // Only the first attempt's hop data is worth keeping encoded.
  relayed.link_stream =
      relayed.sends == 1
          ? link->request(head, relayed.session->hop(), payload, Relayed::tag(&relayed))
          : link->request(head, encode_hop(relayed.session->remote(), relayed.sends), payload,
                          Relayed::tag(&relayed));
  const Deadline due = relayed.deadline();
  if (due < next_expiry_) look_at_deadlines(due);
  return true;
}

void Relay::on_link_up(Link& link) {
  frame_limit_ = pool_->frame_limit();
  pool_->tell_costs(costs_);
  observer_.on_link_up(link);
  serve_waiting(link);
}

// --- Replies and losses --------------------------------------------------------------------------

void Relay::on_reply(Link& link, const wire::Frame& frame, Multiplexer::Tag tag) {
  RelayedPtr relayed = take(tag);
  const auto now = runtime_.turn_began();
  const auto latency = now - relayed->began;
  const Code code = rpc::code_from_wire(frame.header.value);
  const bool never_begun = frame.header.has(wire::flags::unstarted) && code == Code::unavailable;
  if (relayed->comparable) link.latencies().record(relayed->head.method, latency, now);
  const bool excused =
      relayed->broken_off || (code == Code::deadline_exceeded && relayed->excuses_lateness(link));
  link.note_reply(never_begun ? Code::ok : code, excused, frame.body.size(), latency);
  if (never_begun && relayed->session != nullptr && relayed->is_kept() && still_fits(*relayed)) {
    --relayed->sends;  // it was not looked at
    send_or_wait(std::move(relayed), link);
    return;
  }
  if (relayed->session != nullptr) {
    relayed->session->multiplexer().relay_reply(relayed->session_stream, frame.header,
                                                frame.payload());
    settle(*relayed);
  }
  if (waiting_ > 0) serve_waiting(link);
  if (relayed->broken_off) return;  // that has been told
  observer_.on_relayed({relayed->session, &link, relayed->head.method, code, latency,
                        relayed->sends, frame.body.size()},
                       frame);
}

void Relay::on_link_lost(Link& link, Multiplexer& streams) {
  frame_limit_ = pool_->frame_limit();
  observer_.on_link_lost(link, streams.greeted());
  streams.abandon_outgoing([&](Multiplexer::Tag tag) {
    RelayedPtr relayed = take(tag);
    link.note_lost();
    if (relayed->session == nullptr) return;
    if (relayed->may_be_sent_again() && still_fits(*relayed)) {
      send_or_wait(std::move(relayed), link);
      return;
    }
    answer(*relayed, Reply::refuse(lost()));
  });
}

void Relay::send_or_wait(RelayedPtr relayed, const Link& failed) {
  relayed->link = nullptr;
  relayed->comparable = false;
  if (!send(*relayed, relayed->what_was_kept(), &failed)) {
    wait(std::move(relayed), options_.wait_for_another);
    return;
  }
  if (relayed->sends > 1) observer_.on_resent(*relayed->link);
  std::ignore = relayed.release();
}

void Relay::on_link_failed(const Link& link) {
  observer_.on_link_failed(link);
}

void Relay::on_ejected(const Link& link, double times_as_slow) {
  observer_.on_ejected(link, times_as_slow);
}

void Relay::answer(Relayed& relayed, Reply reply) {
  assert(relayed.session != nullptr);
  reply.status.request_id = rpc::make_request_id(runtime_.random());
  observer_.on_refused({relayed.session, relayed.link, relayed.head.method, reply.status.code,
                        runtime_.turn_began() - relayed.began, relayed.sends, 0},
                       reply.status);
  relayed.session->multiplexer().reply(relayed.session_stream, reply);
  settle(relayed);
}

/// A reply has been given: the session has room again, or has too many replies that it does not
/// take.
void Relay::settle(Relayed& relayed) {
  ClientSession& session = *relayed.session;
  session.forget(relayed.kept.size(), options_.session_bytes);
  session.flush();
  session.answered();
  drop_if_stalled(session);
}

void Relay::drop_if_stalled(ClientSession& session) {
  if (session.stalled() && session.drop()) observer_.on_slow_reader();
}

// --- Everything else that passes -----------------------------------------------------------------

rpc::Status Relay::session_broke(Breach breach) {
  if (breach == Breach::end) {
    return {api::reasons.item_after_end, "an item was sent on the stream after its end flag"};
  }
  return {api::reasons.credit_exceeded, "more was sent or granted on the stream than is allowed"};
}

rpc::Status Relay::backend_broke(Breach breach) {
  if (breach == Breach::end) {
    return {api::reasons.backend_item_after_end,
            "the backend sent an item on the stream after its end flag"};
  }
  return {api::reasons.backend_exceeded_credit,
          "the backend sent or granted more on the stream than is allowed"};
}

/// An item or credit under its stream's number on the other side. What credit has behind its header
/// means nothing, and goes no further.
Relay::Passed Relay::passed_on(const wire::Frame& frame, std::uint32_t stream) {
  Passed passed{frame.header, frame.payload()};
  passed.head.stream = stream;
  if (frame.header.kind == wire::Kind::credit) {
    passed.head.meta = 0;
    passed.payload = {};
  }
  return passed;
}

void Relay::to_link(const wire::Frame& frame, Multiplexer::Tag tag) {
  Relayed* const relayed = Relayed::from(tag);
  if (relayed == nullptr) return;
  relayed->from_session.ended |= relayed->head.has(wire::flags::end);
  const auto breach = relayed->account(frame, relayed->from_session, relayed->from_link);
  if (relayed->link == nullptr) return end_waiting(*relayed);
  if (breach != Breach::none) return break_off(*relayed, session_broke(breach));
  if (relayed->link->over_hard()) {
    return break_off(*relayed, {api::reasons.backends_busy,
                                "the backend does not take what is sent to it; try again"});
  }
  const auto [head, payload] = passed_on(frame, relayed->link_stream);
  if (relayed->link->too_large(payload.size())) {
    return break_off(*relayed, {api::reasons.item_too_large_for_backend,
                                "it is larger than the frames that the backend takes"});
  }
  relayed->link->forward(head, payload);
}

void Relay::to_session(const wire::Frame& frame, Multiplexer::Tag tag) {
  Relayed* const relayed = Relayed::from(tag);
  if (relayed->session == nullptr) return;
  const auto breach = relayed->account(frame, relayed->from_link, relayed->from_session);
  if (breach != Breach::none) return break_off(*relayed, backend_broke(breach));
  const auto [head, payload] = passed_on(frame, relayed->session_stream);
  if (relayed->session->multiplexer().too_large(payload.size())) {
    return break_off(
        *relayed, {api::reasons.item_too_large, "an item is larger than the frames that you take"});
  }
  relayed->session->multiplexer().forward(head, payload);
  relayed->session->flush();
  drop_if_stalled(*relayed->session);
}

/// Ends a stream for its client. The backend is told, and its reply goes nowhere.
void Relay::break_off(Relayed& relayed, rpc::Status why) {
  relayed.link->cancel(relayed.link_stream);
  answer(relayed, Reply::refuse(std::move(why)));
  relayed.session = nullptr;
  relayed.broken_off = true;
}

void Relay::on_cancel(Multiplexer::Tag tag) {
  Relayed* const relayed = Relayed::from(tag);
  if (relayed == nullptr) return;
  if (relayed->link != nullptr) {
    relayed->link->cancel(relayed->link_stream);
    return;
  }
  const RelayedPtr taken = take_waiting(*relayed);
  if (taken->session == nullptr) return;
  answer(*taken, Reply::refuse({rpc::reasons.cancelled, "the caller cancelled"}));
}

void Relay::on_session_gone(Multiplexer& streams) {
  streams.abandon_incoming([&](Multiplexer::Tag tag) {
    Relayed* const relayed = Relayed::from(tag);
    if (relayed == nullptr) return;
    relayed->session = nullptr;
    on_cancel(tag);
  });
}

}  // namespace babilu::proxy
