#pragma once

#include <memory>

#include "core/net/outbox.h"
#include "core/net/stream.h"
#include "core/rpc/multiplexer.h"
#include "core/runtime/routine.h"
#include "core/runtime/scope.h"
#include "core/runtime/waiter.h"

namespace babilu::rpc {

struct ConnectionOptions {
  MultiplexerLimits limits;
  net::Outbox::Limits outbox;
  Clock::duration hello_timeout = std::chrono::seconds(5);
  /// A frame that has begun must be whole after this time.
  Clock::duration frame_timeout = std::chrono::seconds(15);
  /// When nothing came for this long the other side is asked whether it is there.
  Clock::duration ping_after = std::chrono::seconds(15);
  /// How long it may take to answer that, from the question on.
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
/// When a time limit is up, what is there to be read is read first: it may have been this process
/// that was late. A limit that passed long ago, as while the process was stopped, runs again.
///
/// A side that ends its direction is still answered what it had asked; then the connection ends, in
/// order.
///
/// What reads is a Routine, and an idle connection has no other coroutine. Owner: whoever awaits
/// run(), or calls start() and awaits finish() in the end. Thread: the Runtime's. Cancellation of
/// run() closes the stream.
class Connection final : private Multiplexer::Events, private net::Outbox::Owner {
 public:
  class Handler {
   public:
    virtual void on_hello(const wire::Hello&) {}
    virtual void on_request(const wire::Frame& frame, Multiplexer::Tag& tag) = 0;
    virtual void on_refused(const wire::Frame&, Status& /*why*/) {}
    virtual void on_item(const wire::Frame&, Multiplexer::Tag, bool /*outgoing*/) {}
    virtual void on_credit(const wire::Frame&, Multiplexer::Tag, bool /*outgoing*/) {}
    virtual void on_reply(const wire::Frame& frame, Multiplexer::Tag tag) = 0;
    virtual void on_cancel(std::uint32_t /*stream*/, Multiplexer::Tag) {}
    virtual void on_goaway(std::uint32_t /*last*/, const Status&) {}
    /// After each read with some: frames that were neither requests nor replies, and what else was
    /// added to overhead().
    virtual void on_overhead(std::uint32_t /*count*/) {}
    /// The connection is over. After start(): time to call finish().
    virtual void on_over() {}

   protected:
    ~Handler() = default;
  };

  /// The options must outlive it.
  Connection(Runtime& runtime, net::StreamPtr stream, Side side, const ConnectionOptions& options,
             Handler& handler);
  ~Connection();

  /// Says hello; the first thing to do, before run() or start().
  void greet(wire::Hello hello);
  /// Serves until the connection ends; the status says why: ok for an orderly end, unavailable when
  /// the other side vanished, invalid_argument when it broke the protocol. Coroutines of this
  /// connection have ended when run() returns, or throws when cancelled.
  task<Status> run();
  /// The same in two parts, for whoever has no coroutine waiting: begins to serve, and is told by
  /// the handler's on_over() when finish() may be awaited, by a coroutine that nobody cancels.
  void start();
  task<Status> finish();

  /// While paused nothing is read: the other side has asked for more than is good for us. Pings
  /// wait too, and its silence is not held against it.
  void pause_reading(bool paused) {
    if (paused_ == paused) return;
    paused_ = paused;
    if (!paused && reader_rests_) go_on_reading();
  }

  /// Frames go out through here; call flush() after a batch of calls.
  Multiplexer& multiplexer() noexcept { return multiplexer_; }
  /// The stream may add to this what it had to do for no frame.
  std::uint32_t& overhead() noexcept { return multiplexer_.overhead(); }
  net::Outbox& outbox() noexcept { return outbox_; }
  const net::Outbox& outbox() const noexcept { return outbox_; }
  void flush() { outbox_.flush(); }

  /// Ends the connection: with a goaway that says why, once what is pending has left (bounded).
  void close(Status why);
  /// Ends it at once.
  void abort(Status why);
  bool open() const noexcept { return !ended_; }
  net::Stream& stream() noexcept { return *stream_; }
  Runtime& runtime() const noexcept { return runtime_; }
  /// For whatever must not outlive the connection: cancelled and joined at the end of run(), or
  /// finish().
  Scope& scope() noexcept { return scope_; }

 private:
  void on_hello(const wire::Hello& hello) override { handler_.on_hello(hello); }
  void on_request(const wire::Frame& frame, Multiplexer::Tag& tag) override {
    last_request_ = last_read_;
    handler_.on_request(frame, tag);
  }
  void on_refused(const wire::Frame& frame, Status& why) override {
    handler_.on_refused(frame, why);
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
  void on_outbox_failed(error_code error) override;
  void on_outbox_progress() override {
    if (reader_rests_) go_on_reading();
  }
  void on_outbox_unblocked() override;

  Routine read();
  void wake();
  /// Reads and takes what there is. False when there may be more, and others should have a turn.
  bool read_what_is_there();
  void on_end_of_input(error_code why);
  void end() noexcept;
  bool must_not_read() const noexcept;
  /// Something that the other side, which has ended its direction, still waits for.
  bool owes_answers() const noexcept;
  /// Who has ended its direction cannot answer a ping. So it gets a pong that it did not ask for,
  /// as in RFC 6455 §5.5.3: where nobody is left the system refuses it, and the second one fails.
  void see_who_is_left(Clock::time_point now);
  void go_on_reading();
  void begin_times_anew();
  void take(ByteView input);

  enum class Due : std::uint8_t { nothing, hello, frame, idle, ping, pong };
  Due what_is_due(Clock::time_point now) const noexcept;
  Clock::time_point next_look(Clock::time_point now) const noexcept;
  bool has_idle_limit() const noexcept;
  bool is_busy() const noexcept;
  /// The other side cannot be held to a time: it is not read from, or takes nothing now.
  bool time_stands_still() const noexcept;
  void let_time_stand_still(Clock::time_point now);
  void keep_time();
  void act_on(Due due, Clock::time_point now);
  void ping(Clock::time_point now);
  task<> farewell();

  Runtime& runtime_;
  net::StreamPtr stream_;
  const ConnectionOptions& options_;
  Handler& handler_;
  Scope scope_;
  net::Outbox outbox_;
  Multiplexer multiplexer_;
  Routine reader_;
  Waiter waker_;    ///< the reader's
  Condition over_;  ///< notified when the reader has ended
  Alarm watch_;
  Clock::time_point last_read_{};
  Clock::time_point last_request_{};
  Clock::time_point frame_began_{};  ///< the one that is not whole; 0: there is none
  Clock::time_point pong_due_{};     ///< 0: nothing was asked
  const Side side_;
  bool paused_ = false;
  bool reader_rests_ = false;
  bool more_to_read_ = false;
  bool half_closed_ = false;  ///< the other side has ended its direction
  bool closing_ = false;
  bool ended_ = false;
  // An open connection has neither, and takes no room for them.
  std::unique_ptr<Status> reason_to_close_;
  std::unique_ptr<Status> outcome_;
};

}  // namespace babilu::rpc
