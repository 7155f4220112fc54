#pragma once

#include <optional>
#include <string_view>

#include "core/rpc/status.h"
#include "core/rpc/stream_table.h"
#include "core/wire/reader.h"

namespace babilu::wire {
class Hello;
}

namespace babilu::rpc {

/// Whoever dialed numbers its streams odd, whoever listened even.
enum class Side { dialer, listener };

/// What every hello grants at least: so a proxy may pass credit on between two sides of which
/// neither knows the other's hello.
inline constexpr std::uint32_t default_credit = 64 * 1024;

/// What every side takes at least after a header: a reply that says why there is no other must fit.
inline constexpr std::uint32_t least_frame_limit = 1024;

struct MultiplexerLimits {
  std::uint32_t frame = wire::default_frame_limit;  ///< bytes after a header that we take
  std::uint32_t streams = 1024;           ///< requests of the other side that may be unanswered
  std::uint32_t credit = default_credit;  ///< bytes of items on a stream before the first credit
};

/// Why a connection must end, for the goaway that says so. The texts are constants.
struct Violation {
  Reason reason;
  std::string_view message;
};

/// The streams of one connection, both ways, without I/O: bytes and calls go in, events and bytes
/// come out. Takes care of stream numbers, hello, pings, limits, and of the rule that every
/// request gets exactly one reply.
///
/// Each stream carries a `tag` of the owner's choice, so the owner needs no table of its own.
class Multiplexer {
 public:
  using Tag = StreamTable::Tag;

  /// What the other side did. A frame's views are valid during the call.
  class Events {
   public:
    virtual void on_hello(const wire::Hello& hello) = 0;
    /// A new stream. The owner may give it a tag before it does anything else here, and must
    /// reply() to it in the end.
    virtual void on_request(const wire::Frame& frame, Tag& tag) = 0;
    /// A request that is answered here: one too many, or after a goaway. The owner may give it an
    /// id.
    virtual void on_refused(const wire::Frame& /*frame*/, Status& /*why*/) {}
    virtual void on_item(const wire::Frame& frame, Tag tag, bool outgoing) = 0;
    virtual void on_credit(const wire::Frame& frame, Tag tag, bool outgoing) = 0;
    /// The final answer to a request of ours; its stream is gone.
    virtual void on_reply(const wire::Frame& frame, Tag tag) = 0;
    /// The other side wants no answer any more. It still gets one.
    virtual void on_cancel(std::uint32_t stream, Tag tag) = 0;
    virtual void on_pong(std::uint32_t value) = 0;
    /// Our requests above `last` were not and will not be looked at.
    virtual void on_goaway(std::uint32_t last, const Status& why) = 0;

   protected:
    ~Events() = default;
  };

  /// Frames to send are appended to `out`.
  Multiplexer(Side side, MultiplexerLimits limits, Buffer& out);

  /// Sends our hello; the first thing to do. Limits are filled in.
  void send_hello(wire::Hello hello);

  /// Takes what was read. A violation ends the connection: send goaway(), then close.
  std::optional<Violation> receive(ByteView input, Events& events);
  /// Of the frame that has begun and is not whole.
  std::size_t partial_bytes() const noexcept { return reader_.kept_bytes(); }

  bool greeted() const noexcept { return greeted_; }
  /// False before the hello, after a goaway of either side, and at the other side's limit.
  bool may_request() const noexcept {
    return greeted_ && !going_away_ && !peer_going_away_ && outgoing_.size() < peer_streams_limit_;
  }
  /// True when a frame of so many bytes is more than the other side takes.
  bool too_large(std::size_t bytes) const noexcept { return bytes > peer_frame_limit_; }
  std::uint32_t peer_frame_limit() const noexcept { return peer_frame_limit_; }
  /// Frames that came and were neither requests nor replies. Whoever owns this begins anew.
  std::uint32_t& overhead() noexcept { return overhead_; }

  /// Opens a stream; may_request() and !too_large() must hold. `head` gives method, flags, value
  /// (milliseconds left), route, and how much of the payload is metadata.
  std::uint32_t request(const wire::Header& head, ByteView hop, ByteView payload, Tag tag);
  /// The next one gets this number, or the first after it that is free: for tests, which cannot
  /// wait for 2^31 requests until the numbers begin again. Odd or even as this side's are.
  void number_from(std::uint32_t stream) noexcept { next_stream_ = stream; }
  /// Sends an item, credit or cancel on a live stream; others are ignored.
  void forward(const wire::Header& head, ByteView payload);
  void cancel(std::uint32_t stream);

  /// Ends an incoming stream. A stream that is not live is ignored. `unstarted` is told only where
  /// the same request may get another answer later.
  void reply(std::uint32_t stream, const Reply& reply);
  /// `head` gives flags, status, and how much of the payload is metadata. What is larger than the
  /// other side takes becomes resource_exhausted (reply_too_large), a refusal loses its message.
  void relay_reply(std::uint32_t stream, const wire::Header& head, ByteView payload);
  void set_tag(std::uint32_t stream, Tag tag);

  void ping(std::uint32_t value);
  /// Says that requests after those seen so far will not be looked at, and why.
  void goaway(const Status& why);
  bool going_away() const noexcept { return going_away_; }
  bool peer_going_away() const noexcept { return peer_going_away_; }

  std::size_t incoming() const noexcept { return incoming_.size(); }
  std::size_t outgoing() const noexcept { return outgoing_.size(); }

  /// Takes every outgoing stream off, as after a broken link: visit(tag) for each.
  template <class Visit>
  void abandon_outgoing(Visit&& visit);
  template <class Visit>
  void abandon_incoming(Visit&& visit);
  /// visit(tag) for each request of ours without a reply. It must not change which there are.
  template <class Visit>
  void each_outgoing(Visit&& visit) const {
    outgoing_.each([&](std::uint32_t, Tag tag) { visit(tag); });
  }

 private:
  const Violation* on_frame(const wire::Frame& frame, Events& events);
  const Violation* on_hello(const wire::Frame& frame, Events& events);
  const Violation* on_request(const wire::Frame& frame, Events& events);
  void refuse(const wire::Frame& frame, Status why, Events& events);
  const Violation* on_reply(const wire::Frame& frame, Events& events);
  void on_other_frame(const wire::Frame& frame, Events& events);
  void on_stream_frame(const wire::Frame& frame, Events& events);
  void on_goaway(const wire::Frame& frame, Events& events);
  bool ours(std::uint32_t stream) const noexcept;
  void reply_in_short(std::uint32_t stream, const wire::Header& head, ByteView payload);
  void send(wire::Kind kind, std::uint32_t value, ByteView message);

  const Side side_;
  const MultiplexerLimits limits_;
  Buffer& out_;
  wire::FrameReader reader_;
  StreamTable incoming_;
  StreamTable outgoing_;
  std::uint32_t next_stream_;
  std::uint32_t last_incoming_ = 0;
  std::uint32_t peer_frame_limit_ = wire::default_frame_limit;
  std::uint32_t peer_streams_limit_ = 0;
  std::uint32_t overhead_ = 0;
  bool greeted_ = false;
  bool going_away_ = false;
  bool peer_going_away_ = false;
};

template <class Visit>
void Multiplexer::abandon_outgoing(Visit&& visit) {
  const StreamTable abandoned = std::exchange(outgoing_, {});
  abandoned.each([&](std::uint32_t, Tag tag) { visit(tag); });
}

template <class Visit>
void Multiplexer::abandon_incoming(Visit&& visit) {
  const StreamTable abandoned = std::exchange(incoming_, {});
  abandoned.each([&](std::uint32_t, Tag tag) { visit(tag); });
}

}  // namespace babilu::rpc
