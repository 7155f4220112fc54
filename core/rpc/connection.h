#pragma once

#include <memory>

#include "core/net/outbox.h"
#include "core/net/stream.h"
#include "core/rpc/multiplexer.h"
#include "core/runtime/scope.h"

namespace babilu::rpc {

struct ConnectionOptions {
  MultiplexerLimits limits;
  net::Outbox::Limits outbox;
  Clock::duration hello_timeout = std::chrono::seconds(5);
  /// A frame that has begun must be whole after this time.
  Clock::duration frame_timeout = std::chrono::seconds(15);
  /// When nothing came for this long the other side is asked whether it is there.
  Clock::duration ping_after = std::chrono::seconds(15);
  /// How long it may take to answer that.
  Clock::duration ping_timeout = std::chrono::seconds(5);
  /// A listener ends the connection, in order, when no request came for this long and none is
  /// unanswered. Zero: never.
  Clock::duration idle_timeout{0};
};

/// One stream with a Multiplexer on it: reads, writes, keeps time. What the frames mean is its
/// Handler's business. Proxy sessions, links and peers all stand on it.
///
/// A listener stops reading while its outbox is over the soft limit: who does not take replies may
/// not ask for more. A dialer never stops, so the two cannot wait for each other.
///
/// Owner: whoever awaits run(). Thread: the Runtime's. Cancellation of run() closes the stream.
class Connection final : private Multiplexer::Events {
 public:
  class Handler {
   public:
    virtual void on_hello(const wire::Hello&) {}
    virtual void on_request(const wire::Frame& frame) = 0;
    virtual void on_item(const wire::Frame&, Multiplexer::Tag, bool /*outgoing*/) {}
    virtual void on_credit(const wire::Frame&, Multiplexer::Tag, bool /*outgoing*/) {}
    virtual void on_reply(const wire::Frame& frame, Multiplexer::Tag tag) = 0;
    virtual void on_cancel(std::uint32_t /*stream*/, Multiplexer::Tag) {}
    virtual void on_goaway(std::uint32_t /*last*/, const Status&) {}

   protected:
    ~Handler() = default;
  };

  /// The options must outlive it.
  Connection(Runtime& runtime, net::StreamPtr stream, Side side, const ConnectionOptions& options,
             Handler& handler);
  ~Connection();

  /// Says hello; the first thing to do, before run().
  void greet(wire::Hello hello);
  /// Serves until the connection ends; the status says why: ok for an orderly end, unavailable when
  /// the other side vanished, invalid_argument when it broke the protocol. Coroutines of this
  /// connection have ended when run() returns, or throws when cancelled.
  task<Status> run();

  /// While paused nothing is read: the other side has asked for more than is good for us. Pings
  /// wait too, and its silence is not held against it.
  void pause_reading(bool paused);

  /// Frames go out through here; call flush() after a batch of calls.
  Multiplexer& multiplexer() noexcept { return multiplexer_; }
  net::Outbox& outbox() noexcept { return outbox_; }
  void flush() { outbox_.flush(); }

  /// Ends the connection: with a goaway that says why, once what is pending has left (bounded).
  void close(Status why);
  /// Ends it at once.
  void abort(Status why);
  bool open() const noexcept { return !ended_; }
  net::Stream& stream() noexcept { return *stream_; }
  Runtime& runtime() noexcept { return runtime_; }
  /// For whatever must not outlive the connection: cancelled and joined at the end of run().
  Scope& scope() noexcept { return scope_; }

 private:
  void on_hello(const wire::Hello& hello) override { handler_.on_hello(hello); }
  void on_request(const wire::Frame& frame) override {
    last_request_ = last_read_;
    handler_.on_request(frame);
  }
  void on_item(const wire::Frame& frame, Multiplexer::Tag tag, bool outgoing) override {
    handler_.on_item(frame, tag, outgoing);
  }
  void on_credit(const wire::Frame& frame, Multiplexer::Tag tag, bool outgoing) override {
    handler_.on_credit(frame, tag, outgoing);
  }
  void on_reply(const wire::Frame& frame, Multiplexer::Tag tag) override {
    handler_.on_reply(frame, tag);
  }
  void on_cancel(std::uint32_t stream, Multiplexer::Tag tag) override {
    handler_.on_cancel(stream, tag);
  }
  void on_pong(std::uint32_t) override {}
  void on_goaway(std::uint32_t last, const Status& why) override;

  /// Reads and takes what there is. False when there may be more, and others should have a turn.
  bool read_what_is_there();
  void end() noexcept;
  bool must_not_read() const noexcept;
  task<> wait_until_reading();
  bool is_idle(Clock::time_point now) const noexcept;
  void take(ByteView input);
  void keep_time();
  task<> finish();

  Runtime& runtime_;
  net::StreamPtr stream_;
  const ConnectionOptions& options_;
  Handler& handler_;
  Scope scope_;
  net::Outbox outbox_;
  Multiplexer multiplexer_;
  Condition ended_early_;  ///< also: reading goes on
  Alarm watch_;
  Clock::time_point last_read_{};
  Clock::time_point last_request_{};
  Clock::time_point frame_began_{};
  const Side side_;
  bool pinged_ = false;
  bool paused_ = false;
  bool closing_ = false;
  bool ended_ = false;
  // An open connection has neither, and takes no room for them.
  std::unique_ptr<Status> reason_to_close_;
  std::unique_ptr<Status> outcome_;
};

}  // namespace babilu::rpc
