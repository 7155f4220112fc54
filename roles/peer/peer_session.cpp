#include "roles/peer/peer_session.h"

#include "core/runtime/runtime.h"
#include "roles/api/peer.h"
#include "roles/api/peer.pb.h"
#include "roles/api/reasons.h"
#include "roles/peer/envelope.h"

namespace babilu::peer {

using rpc::Code;
using rpc::Side;
using rpc::Status;

namespace {

Side other(Side side) {
  return side == Side::dialer ? Side::listener : Side::dialer;
}

/// Trying again would change nothing.
bool is_final(Code code) {
  return code == Code::invalid_argument || code == Code::already_exists ||
         code == Code::permission_denied || code == Code::failed_precondition ||
         code == Code::unauthenticated || code == Code::unimplemented;
}

}  // namespace

PeerSession::PeerSession(Runtime& runtime, net::StreamPtr stream, Side side,
                         const crypto::KeyPair& keys, std::string_view name,
                         const NodeOptions& options, Host& host)
    : runtime_(runtime),
      keys_(keys),
      name_(name),
      options_(options),
      host_(host),
      side_(side),
      remote_(stream->remote()),
      binding_(stream->channel_binding(binding_label)),
      session_(runtime, std::move(stream), side, services_, options.session()),
      changed_(runtime),
      messages_(options.messages),
      ignored_refusals_(options.ignored_refusals) {
  services_.offer(api::Peer::id, api::Peer::name, api::Peer::revision);
  rpc::add(services_, api::Peer::introduce, this, &PeerSession::on_introduce);
  rpc::add(services_, api::Peer::deliver, this, &PeerSession::on_deliver);
}

task<Ending> PeerSession::run() {
  if (binding_.size() != binding_bytes) {
    Status why(api::peer_reasons.no_channel_binding,
               "the connection is not encrypted, so nobody can prove who they are on it");
    co_return Ending{Ending::Kind::gone, std::move(why)};
  }
  session_.scope().spawn("introduce", introduce_ourselves());
  Status outcome = co_await session_.run();
  co_return explain(std::move(outcome));
}

Ending PeerSession::explain(Status outcome) const {
  using enum Ending::Kind;
  if (refused_) return {refused, *refused_, joined_};
  if (not_accepted_) outcome = *not_accepted_;
  if (outcome.ok()) return {left, {}, joined_};
  const bool ended_for_good = !joined_ && is_final(outcome.code);
  return {ended_for_good ? refused_us : gone, std::move(outcome), joined_};
}

task<> PeerSession::introduce_ourselves() {
  const Deadline deadline = runtime_.now() + options_.introduce_timeout;
  const bool greeted = co_await session_.greeted(deadline);
  if (!greeted) co_return;  // the connection minds that by itself

  api::IntroduceRequest introduction;
  introduce(keys_, name_, side_, binding_, introduction);
  const Bytes message = rpc::encode(introduction);
  rpc::CallOptions options;
  options.deadline = deadline;
  const auto result = co_await session_.call(api::Peer::introduce.traits.id, message, options);
  if (!result.reply.status.ok()) {
    if (!result.connection_lost) not_accepted_ = result.reply.status;
    session_.close({api::peer_reasons.not_accepted, "you did not accept our introduction"});
    co_return;
  }
  while (!contact_) {
    if (refused_) co_return;
    const bool notified = co_await changed_.wait(deadline);
    if (notified || contact_) continue;
    refuse({.why = {api::peer_reasons.no_introduction, "no acceptable introduction came in time"},
            .address = remote_});
    co_return;
  }
  joined_ = true;
  changed_.notify_all();
  host_.on_joined(*this);
}

task<rpc::Outcome<api::IntroduceReply>> PeerSession::on_introduce(
    rpc::Call&, const api::IntroduceRequest& request) {
  if (introduced_) {
    co_return Status(api::peer_reasons.introduced_already,
                     "an introduction is made once on a connection");
  }
  introduced_ = true;
  auto introduced = check_introduction(request, other(side_), binding_);
  if (!introduced) {
    const bool named = is_valid_name(request.name());
    co_return refuse({.why = introduced.error(),
                      .address = remote_,
                      .name = named ? request.name() : std::string()});
  }
  auto contact = co_await host_.recognise(*this, std::move(*introduced));
  if (!contact) co_return refuse(contact.error());
  contact_ = std::move(*contact);
  changed_.notify_all();
  co_return api::IntroduceReply();
}

task<rpc::Outcome<api::DeliverReply>> PeerSession::on_deliver(rpc::Call& call,
                                                              const api::DeliverRequest& request) {
  if (auto refusal = too_fast()) co_return *refusal;
  if (!contact_) {
    co_return Status(api::peer_reasons.not_introduced, "first comes peer.Introduce");
  }
  auto message = open(request, runtime_.clock().wall());
  if (!message) co_return message.error();
  // Theirs may overtake the reply to our introduction, but is not shown before they have joined.
  while (!joined_) {
    const bool notified = co_await changed_.wait(call.deadline);
    if (!notified) co_return Status(rpc::reasons.deadline);
  }
  Status status = co_await host_.receive(*this, std::move(*message));
  if (!status.ok()) co_return status;
  co_return api::DeliverReply();
}

/// The rate counts every Deliver, good or bad.
std::optional<Status> PeerSession::too_fast() {
  const auto now = runtime_.now();
  if (messages_.take(now)) return std::nullopt;
  Status slower(api::peer_reasons.too_fast, "too many messages; try again later");
  slower.retry_after = std::chrono::ceil<std::chrono::milliseconds>(messages_.wait(now));
  if (ignored_refusals_.take(now) || refused_) return slower;
  return refuse({.why = {api::peer_reasons.flood,
                         "too many messages, again and again; the connection was closed"},
                 .address = remote_,
                 .name = contact_ ? contact_->name : std::string(),
                 .known = contact_});
}

Status PeerSession::refuse(Refusal refusal) {
  if (refused_) return *refused_;
  refused_ = refusal.why;
  changed_.notify_all();
  session_.scope().spawn("refuse", close_after_the_reply(refusal.why));
  host_.on_refused(refusal);
  return std::move(refusal.why);
}

/// Lets whoever called refuse() return first, so that the reply goes out before the goaway.
task<> PeerSession::close_after_the_reply(Status why) {
  co_await runtime_.yield();
  session_.close(std::move(why));
}

task<rpc::Session::CallResult> PeerSession::deliver(const Message& message) {
  api::DeliverRequest envelope;
  seal(message, envelope);
  const Bytes encoded = rpc::encode(envelope);
  rpc::CallOptions options;
  options.deadline = runtime_.now() + options_.deliver_timeout;
  co_return co_await session_.call(api::Peer::deliver.traits.id, encoded, options);
}

}  // namespace babilu::peer
