#include "core/rpc/multiplexer.h"

#include <algorithm>
#include <cassert>

#include "core/wire/envelope.pb.h"

namespace babilu::rpc {

using wire::Frame;
using wire::Header;
using wire::Kind;

namespace {

constexpr std::uint32_t version = 1;

constexpr Violation hello_expected{reasons.hello_expected, "the first frame must be a hello"};
constexpr Violation second_hello{reasons.second_hello, "hello is sent once"};
constexpr Violation bad_hello{reasons.bad_hello, "the hello is not a babilu.wire.Hello message"};
constexpr Violation credit_too_small{reasons.credit_too_small, "initial_credit is 65536 at least"};
constexpr Violation frame_limit_too_small{reasons.frame_limit_too_small,
                                          "frame_limit is 1024 at least"};
static_assert(least_frame_limit == 1024 && default_credit == 65'536);
constexpr Violation wrong_parity{reasons.wrong_parity,
                                 "the dialer's streams are odd, the listener's even"};
constexpr Violation stream_in_use{reasons.stream_in_use, "a stream is used again before its reply"};
constexpr Violation unknown_stream{reasons.unknown_stream,
                                   "a reply to a request that was not sent"};
constexpr Violation no_common_version{reasons.no_common_version, "this side speaks version 1 only"};

/// Whether a request that was refused so may get another answer when it is sent again.
constexpr bool may_change(Code code) noexcept {
  return code == Code::unavailable || code == Code::resource_exhausted ||
         code == Code::deadline_exceeded;
}

std::uint32_t or_default(std::uint32_t value, std::uint32_t fallback) {
  return value == 0 ? fallback : value;
}

}  // namespace

Multiplexer::Multiplexer(Side side, MultiplexerLimits limits, Buffer& out)
    : side_(side),
      limits_(limits),
      out_(out),
      reader_(std::min(limits.frame, wire::hello_limit)),
      next_stream_(side == Side::dialer ? 1 : 2) {}

bool Multiplexer::ours(std::uint32_t stream) const noexcept {
  return (stream % 2 == 1) == (side_ == Side::dialer);
}

void Multiplexer::send(Kind kind, std::uint32_t value, ByteView message) {
  wire::append(out_, kind, 0, {.value = value}, {}, message);
}

void Multiplexer::send_hello(wire::Hello hello) {
  hello.set_version_min(version);
  hello.set_version_max(version);
  hello.set_frame_limit(limits_.frame);
  hello.set_streams_limit(limits_.streams);
  hello.set_initial_credit(limits_.credit);
  const std::string encoded = hello.SerializeAsString();
  send(Kind::hello, 0, bytes_of(encoded));
}

std::optional<Violation> Multiplexer::receive(ByteView input, Events& events) {
  const Violation* violation = nullptr;
  const wire::FrameError error = reader_.consume(input, [&](const Frame& frame) {
    violation = on_frame(frame, events);
    return violation == nullptr;
  });
  if (error != wire::FrameError::none) return Violation{reasons.bad_frame, to_string(error)};
  if (violation != nullptr) return *violation;
  return std::nullopt;
}

const Violation* Multiplexer::on_frame(const Frame& frame, Events& events) {
  if (!greeted_ && frame.header.kind != Kind::hello && frame.header.kind != Kind::goaway) {
    return &hello_expected;
  }
  switch (frame.header.kind) {
    case Kind::hello:
      return on_hello(frame, events);
    case Kind::request:
      return on_request(frame, events);
    case Kind::reply:
      return on_reply(frame, events);
    default:
      ++overhead_;
      on_other_frame(frame, events);
  }
  return nullptr;
}

void Multiplexer::on_other_frame(const Frame& frame, Events& events) {
  switch (frame.header.kind) {
    case Kind::item:
    case Kind::credit:
    case Kind::cancel:
      on_stream_frame(frame, events);
      break;
    case Kind::ping:
      send(Kind::pong, frame.header.value, {});
      break;
    case Kind::pong:
      events.on_pong(frame.header.value);
      break;
    case Kind::goaway:
      on_goaway(frame, events);
      break;
    default:
      assert(false);  // on_frame() has them
  }
}

const Violation* Multiplexer::on_hello(const Frame& frame, Events& events) {
  if (greeted_) return &second_hello;
  wire::Hello hello;
  const ByteView message = frame.message();
  if (!hello.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return &bad_hello;
  }
  if (hello.version_min() > version || hello.version_max() < version) {
    return &no_common_version;
  }
  if (or_default(hello.initial_credit(), default_credit) < default_credit) {
    return &credit_too_small;
  }
  if (or_default(hello.frame_limit(), wire::default_frame_limit) < least_frame_limit) {
    return &frame_limit_too_small;
  }
  greeted_ = true;
  reader_.set_frame_limit(limits_.frame);
  peer_frame_limit_ = or_default(hello.frame_limit(), wire::default_frame_limit);
  peer_streams_limit_ = or_default(hello.streams_limit(), MultiplexerLimits{}.streams);
  events.on_hello(hello);
  return nullptr;
}

const Violation* Multiplexer::on_request(const Frame& frame, Events& events) {
  const std::uint32_t stream = frame.header.stream;
  if (ours(stream)) {
    return &wrong_parity;
  }
  Tag* const tag = incoming_.emplace(stream, Tag{0});
  if (tag == nullptr) {
    return &stream_in_use;
  }
  last_incoming_ = stream;
  if (going_away_) {
    refuse(frame, {reasons.draining, "this side is going away"}, events);
  } else if (incoming_.size() > limits_.streams) {
    refuse(frame, {reasons.too_many_streams, "more unanswered requests than hello allows"}, events);
  } else {
    events.on_request(frame, *tag);
  }
  return nullptr;
}

void Multiplexer::refuse(const Frame& frame, Status why, Events& events) {
  events.on_refused(frame, why);
  Reply refusal = Reply::refuse(std::move(why));
  refusal.unstarted = true;
  reply(frame.header.stream, refusal);
}

const Violation* Multiplexer::on_reply(const Frame& frame, Events& events) {
  const std::optional<Tag> tag = outgoing_.extract(frame.header.stream);
  if (!tag) return &unknown_stream;
  events.on_reply(frame, *tag);
  return nullptr;
}

void Multiplexer::on_stream_frame(const Frame& frame, Events& events) {
  // A stream that is not live any more is no error: the final reply was on its way.
  const bool outgoing = ours(frame.header.stream);
  const Tag* const found = (outgoing ? outgoing_ : incoming_).find(frame.header.stream);
  if (found == nullptr) return;
  switch (frame.header.kind) {
    case Kind::item:
      events.on_item(frame, *found, outgoing);
      break;
    case Kind::credit:
      events.on_credit(frame, *found, outgoing);
      break;
    default:
      if (!outgoing) events.on_cancel(frame.header.stream, *found);
  }
}

void Multiplexer::on_goaway(const Frame& frame, Events& events) {
  peer_going_away_ = true;
  wire::StatusDetail detail;
  const ByteView message = frame.message();
  Status why;
  if (detail.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    why = decode_detail(code_from_wire(detail.code()), message);
  }
  events.on_goaway(frame.header.value, why);
}

std::uint32_t Multiplexer::request(const Header& head, ByteView hop, ByteView payload, Tag tag) {
  assert(greeted_);
  // 2^31 numbers on, one may still be live.
  while (next_stream_ == 0 || !outgoing_.emplace(next_stream_, tag)) next_stream_ += 2;
  const std::uint32_t stream = next_stream_;
  next_stream_ += 2;
  wire::append(out_, Kind::request, stream, head, hop, payload);
  return stream;
}

void Multiplexer::forward(const Header& head, ByteView payload) {
  const StreamTable& streams = ours(head.stream) ? outgoing_ : incoming_;
  if (!streams.contains(head.stream)) return;
  wire::append(out_, head, {}, payload);
}

void Multiplexer::cancel(std::uint32_t stream) {
  if (!outgoing_.contains(stream)) return;
  wire::append(out_, Kind::cancel, stream, {}, {}, {});
}

void Multiplexer::reply(std::uint32_t stream, const Reply& reply) {
  if (reply.status.ok()) return relay_reply(stream, {}, reply.message);
  const Code code = reply.status.code;
  const bool unstarted = reply.unstarted && may_change(code);
  relay_reply(stream,
              {.flags = unstarted ? wire::flags::unstarted : std::uint8_t{0},
               .value = static_cast<std::uint32_t>(code)},
              encode_detail(reply.status));
}

void Multiplexer::relay_reply(std::uint32_t stream, const Header& head, ByteView payload) {
  if (!incoming_.erase(stream)) return;
  if (too_large(payload.size())) return reply_in_short(stream, head, payload);
  Header header = head;
  header.flags |= wire::flags::end;
  wire::append(out_, Kind::reply, stream, header, {}, payload);
}

void Multiplexer::reply_in_short(std::uint32_t stream, const Header& head, ByteView payload) {
  Status why(reasons.reply_too_large, "the reply is larger than the frames that you take");
  std::uint8_t flags = wire::flags::end;
  if (head.value != 0) {
    why = decode_detail(code_from_wire(head.value), payload.subspan(head.meta));
    why.message.clear();
    flags |= head.flags;
  }
  Bytes detail = encode_detail(why);
  if (too_large(detail.size())) detail.clear();
  const Header header{.flags = flags, .value = static_cast<std::uint32_t>(why.code)};
  wire::append(out_, Kind::reply, stream, header, {}, detail);
}

void Multiplexer::set_tag(std::uint32_t stream, Tag tag) {
  if (Tag* const found = (ours(stream) ? outgoing_ : incoming_).find(stream)) *found = tag;
}

void Multiplexer::ping(std::uint32_t value) {
  send(Kind::ping, value, {});
}

void Multiplexer::goaway(const Status& why) {
  if (going_away_) return;
  going_away_ = true;
  wire::StatusDetail detail;
  detail.set_code(static_cast<std::uint32_t>(why.code));
  detail.set_reason(why.reason);
  detail.set_message(why.message);
  const std::string encoded = detail.SerializeAsString();
  send(Kind::goaway, last_incoming_, bytes_of(encoded));
}

}  // namespace babilu::rpc
