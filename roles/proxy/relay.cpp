#include "roles/proxy/relay.h"

#include <algorithm>

#include <boost/container/small_vector.hpp>
#include <fmt/format.h>

#include "core/crypto/random.h"
#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"
#include "roles/proxy/client_session.h"
#include "roles/proxy/link.h"

namespace babilu::proxy {

using rpc::Code;
using rpc::Multiplexer;
using rpc::Reply;

namespace {

constexpr int most_sends = 2;

/// Hint for clients while no backend is there: about the time in which one reconnects.
constexpr auto reconnect_hint = std::chrono::milliseconds(250);

Reply unstarted(rpc::Status why) {
  Reply reply = Reply::refuse(std::move(why));
  reply.unstarted = true;
  return reply;
}

}  // namespace

Bytes encode_hop(std::string_view client_address, std::uint32_t attempt) {
  wire::Hop hop;
  hop.set_client_address(std::string(client_address));
  hop.set_attempt(attempt);
  Bytes encoded(hop.ByteSizeLong());
  hop.SerializeToArray(encoded.data(), static_cast<int>(encoded.size()));
  return encoded;
}

/// A request on its way: the tag of its stream on both sides.
struct Relay::Relayed {
  ClientSession* session = nullptr;  // none once the client has gone
  std::uint32_t session_stream = 0;
  Link* link = nullptr;
  std::uint32_t link_stream = 0;
  wire::Header head;
  Clock::time_point began;
  int sends = 0;
  bool items_passed = false;
  Bytes kept;  // metadata and message, while it may be sent again

  static Multiplexer::Tag tag(Relayed* relayed) { return reinterpret_cast<Multiplexer::Tag>(relayed); }
  static Relayed* from(Multiplexer::Tag tag) { return reinterpret_cast<Relayed*>(tag); }

  bool may_be_sent_again() const {
    return head.has(wire::flags::retryable) && sends < most_sends && !items_passed;
  }
  /// What is left of the caller's time, in the header's terms: 0 stands for no deadline.
  std::optional<std::uint32_t> time_left(Clock::time_point now) const {
    if (head.value == 0) return 0;
    const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(now - began).count();
    if (spent >= head.value) return std::nullopt;
    return static_cast<std::uint32_t>(head.value - spent);
  }
};

Relay::Relay(Runtime& runtime, RelayObserver& observer) : runtime_(runtime), observer_(observer) {}
Relay::~Relay() = default;

void Relay::on_request(ClientSession& session, const wire::Frame& frame) {
  if (frame.header.hop != 0) {
    session.multiplexer().reply(
        frame.header.stream,
        unstarted({Code::permission_denied, "hop_not_allowed", "hop data comes from a proxy only"}));
    observer_.on_refused(Code::permission_denied);
    return;
  }
  auto relayed = std::make_unique<Relayed>();
  relayed->session = &session;
  relayed->session_stream = frame.header.stream;
  relayed->head = frame.header;
  relayed->began = runtime_.now();
  if (!send(*relayed, frame.payload(), nullptr)) {
    answer(*relayed, unstarted(why_no_link(frame.header.method)));
    return;
  }
  if (relayed->may_be_sent_again()) {
    const ByteView payload = frame.payload();
    relayed->kept.assign(payload.begin(), payload.end());
  }
  session.multiplexer().set_tag(frame.header.stream, Relayed::tag(relayed.release()));
}

bool Relay::send(Relayed& relayed, ByteView payload, const Link* except) {
  const auto left = relayed.time_left(runtime_.now());
  Link* link = choose_link(relayed.head.method, relayed.head.route, except);
  if (!left || link == nullptr) return false;
  ++relayed.sends;
  relayed.link = link;
  wire::Header head = relayed.head;
  head.value = *left;
  // Only the first attempt's hop data is worth keeping encoded.
  const Bytes later_hop =
      relayed.sends == 1 ? Bytes{} : encode_hop(relayed.session->remote(), 2);
  const ByteView hop = relayed.sends == 1 ? ByteView(relayed.session->hop()) : ByteView(later_hop);
  relayed.link_stream =
      link->multiplexer().request(head, hop, payload, relayed.head.meta, Relayed::tag(&relayed));
  link->flush();
  return true;
}

Link* Relay::choose_link(std::uint16_t method, std::uint32_t route, const Link* except) {
  const auto service = static_cast<std::uint8_t>(method >> 8);
  boost::container::small_vector<Link*, 16> usable;
  boost::container::small_vector<Candidate, 16> candidates;
  for (Link* link : links_) {
    if (link == except || !link->offers(service)) continue;
    usable.push_back(link);
    candidates.push_back(link->candidate());
  }
  std::uint64_t dice = 0;
  if (candidates.size() > 1 && route == 0) {
    crypto::fill_random(runtime_.random(), {reinterpret_cast<std::uint8_t*>(&dice), sizeof dice});
  }
  const auto chosen = choose({candidates.data(), candidates.size()}, route, dice);
  return chosen ? usable[*chosen] : nullptr;
}

rpc::Status Relay::why_no_link(std::uint16_t method) const {
  const bool any_up =
      std::any_of(links_.begin(), links_.end(), [](const Link* link) { return link->up(); });
  if (any_up) {
    return {Code::unimplemented, "unknown_service",
            fmt::format("no backend offers service {} now", method >> 8)};
  }
  rpc::Status status(Code::unavailable, "no_backend", "no backend is connected now; try again");
  status.retry_after = reconnect_hint;
  return status;
}

void Relay::on_reply(Link& link, const wire::Frame& frame, Multiplexer::Tag tag) {
  Relayed* relayed = Relayed::from(tag);
  const auto latency = runtime_.now() - relayed->began;
  link.record_latency(latency);
  const Code code = rpc::code_from_wire(frame.header.value);
  const bool never_begun = frame.header.has(wire::flags::unstarted) && code == Code::unavailable;
  if (never_begun && relayed->session != nullptr && send_again(*relayed, link)) return;
  if (relayed->session != nullptr) {
    relayed->session->multiplexer().relay_reply(
        relayed->session_stream, {.flags = frame.header.flags, .value = frame.header.value},
        frame.payload());
    relayed->session->flush();
    relayed->session->answered();
  }
  observer_.on_relayed(link, relayed->head.method, code, latency);
  delete relayed;
}

void Relay::on_link_lost(Link& link, Multiplexer& streams) {
  observer_.on_link_lost(link);
  streams.abandon_outgoing([&](Multiplexer::Tag tag) {
    std::unique_ptr<Relayed> relayed(Relayed::from(tag));
    if (relayed->session == nullptr) return;
    if (send_again(*relayed, link)) {
      relayed.release();
      return;
    }
    answer(*relayed, Reply::refuse({Code::unavailable, "backend_lost",
                                    "the backend was lost before it replied"}));
  });
}

bool Relay::send_again(Relayed& relayed, const Link& failed) {
  if (!relayed.may_be_sent_again() || !send(relayed, relayed.kept, &failed)) return false;
  observer_.on_resent(*relayed.link);
  return true;
}

void Relay::answer(Relayed& relayed, const Reply& reply) {
  observer_.on_refused(reply.status.code);
  relayed.session->multiplexer().reply(relayed.session_stream, reply);
  relayed.session->flush();
  relayed.session->answered();
}

void Relay::to_link(const wire::Frame& frame, Multiplexer::Tag tag) {
  Relayed* relayed = Relayed::from(tag);
  if (relayed == nullptr || !relayed->link->up()) return;
  relayed->items_passed |= frame.header.kind == wire::Kind::item;
  wire::Header head = frame.header;
  head.stream = relayed->link_stream;
  relayed->link->multiplexer().forward(head, frame.payload());
  relayed->link->flush();
}

void Relay::to_session(const wire::Frame& frame, Multiplexer::Tag tag) {
  Relayed* relayed = Relayed::from(tag);
  if (relayed->session == nullptr) return;
  relayed->items_passed |= frame.header.kind == wire::Kind::item;
  wire::Header head = frame.header;
  head.stream = relayed->session_stream;
  relayed->session->multiplexer().forward(head, frame.payload());
  relayed->session->flush();
}

void Relay::on_cancel(Multiplexer::Tag tag) {
  Relayed* relayed = Relayed::from(tag);
  if (relayed == nullptr) return;
  relayed->link->multiplexer().cancel(relayed->link_stream);
  relayed->link->flush();
}

void Relay::on_session_gone(Multiplexer& streams) {
  streams.abandon_incoming([&](Multiplexer::Tag tag) {
    Relayed* relayed = Relayed::from(tag);
    if (relayed == nullptr) return;
    relayed->session = nullptr;
    on_cancel(tag);
  });
}

void Relay::on_link_up(Link& link) { observer_.on_link_up(link); }

}  // namespace babilu::proxy
