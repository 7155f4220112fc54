#include "core/rpc/connection.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"

namespace babilu::rpc {

namespace {

/// How long a last goaway may take to leave.
constexpr auto farewell_time = std::chrono::seconds(1);

/// A limit that is looked at so late says more of this process than of the other side.
constexpr auto much_too_late = std::chrono::seconds(1);

/// After the first look whether anybody is left; each further one takes as long as all before it.
constexpr auto soonest_look = std::chrono::milliseconds(10);

constexpr Clock::time_point never{};

/// Reads in a row before others get their turn: one of a scratch buffer each for those who ask, so
/// that nobody's small request waits behind a megabyte of somebody else's; more for a dialer, whose
/// replies go to many.
constexpr int reads_per_turn(Side side) {
  return side == Side::listener ? 1 : 16;
}

Status explain(error_code error) {
  if (error == boost::asio::error::eof) return {};
  return {reasons.connection_lost, error.message()};
}

}  // namespace

Connection::Connection(Runtime& runtime, net::StreamPtr stream, Side side,
                       const ConnectionOptions& options, Handler& handler)
    : runtime_(runtime),
      stream_(std::move(stream)),
      options_(options),
      handler_(handler),
      scope_(runtime),
      outbox_(runtime, *stream_, scope_, options.outbox, *this),
      multiplexer_(side, options.limits, outbox_.pending()),
      waker_(
          runtime, [](void* self, error_code) { static_cast<Connection*>(self)->wake(); }, this),
      over_(runtime),
      watch_(
          runtime.clock(), [](void* self) { static_cast<Connection*>(self)->keep_time(); }, this),
      side_(side) {}

Connection::~Connection() = default;

void Connection::greet(wire::Hello hello) {
  multiplexer_.send_hello(std::move(hello));
  flush();
  last_read_ = last_request_ = runtime_.now();
  watch_.set(next_look(last_read_));
}

task<Status> Connection::run() {
  start();
  std::exception_ptr cancellation;
  try {
    while (!reader_.ended()) co_await over_.wait();
  } catch (...) {
    cancellation = std::current_exception();
  }
  if (!cancellation) co_return co_await finish();
  reader_ = {};
  outcome_ = std::make_unique<Status>();
  // A cancelled run still has to wait for its own coroutines.
  co_await boost::asio::this_coro::reset_cancellation_state();
  co_await finish();
  std::rethrow_exception(cancellation);
}

void Connection::start() {
  assert(!outcome_ && reader_.ended());
  outbox_.flush_now();  // our hello, before the reader is the first to write
  reader_ = read();
  reader_.resume();
}

task<Status> Connection::finish() {
  end();
  co_await scope_.join();
  assert(outcome_);
  co_return std::move(*outcome_);
}

/// From the loop, when there may be something to read, or when it is over.
void Connection::wake() {
  if (!reader_.ended()) return reader_.resume();
  over_.notify_all();
  handler_.on_over();
}

// Few things in it: its frame is a part of what an idle session costs.
Routine Connection::read() {
  try {
    while (!outcome_) {
      if (must_not_read()) {
        reader_rests_ = true;
        co_await Routine::pause;
        reader_rests_ = false;
      } else if (read_what_is_there() && !stream_->when_readable(waker_)) {
        co_await Routine::pause;
      } else if (!outcome_) {
        more_to_read_ = true;
        waker_.tell_next_turn();
        co_await Routine::pause;
        more_to_read_ = false;
      }
    }
  } catch (...) {
    runtime_.report_failure("connection", std::current_exception());
    abort({reasons.internal, "this side failed; try again"});
  }
  end();
  waker_.tell_later();
}

void Connection::end() noexcept {
  if (std::exchange(ended_, true)) return;
  watch_.cancel();
  scope_.cancel();
  outbox_.flush_now();  // the other side may have ended its direction only
  stream_->close();
}

bool Connection::read_what_is_there() {
  for (int turns = 0; turns < reads_per_turn(side_); ++turns) {
    const MutableByteView scratch = runtime_.scratch();
    const net::Transfer got = stream_->read_some(scratch);
    if (got.bytes > 0) take(scratch.first(got.bytes));
    if (overhead() != 0) handler_.on_overhead(std::exchange(overhead(), 0));
    if (outcome_) return false;
    if (got.error && got.error != boost::asio::error::would_block) {
      on_end_of_input(got.error);
      return false;
    }
    // A short read means that there is no more for now.
    if (got.bytes < scratch.size()) return true;
    if (must_not_read()) return false;
  }
  return false;
}

/// A dialer whose own requests are unanswered will get no answer any more, and should say so soon.
void Connection::on_end_of_input(error_code why) {
  const bool waits = side_ == Side::listener || multiplexer_.incoming() > 0;
  if (why == boost::asio::error::eof && waits && multiplexer_.outgoing() == 0 && owes_answers()) {
    half_closed_ = true;
    last_read_ = runtime_.now();
    if (!closing_) see_who_is_left(last_read_);
    return;
  }
  outcome_ = closing_ ? std::move(reason_to_close_) : std::make_unique<Status>(explain(why));
}

bool Connection::owes_answers() const noexcept {
  return outbox_.bytes() > 0 || stream_->unsent() || (!closing_ && multiplexer_.incoming() > 0);
}

bool Connection::must_not_read() const noexcept {
  if (half_closed_) return owes_answers();
  if (closing_) return false;  // what still comes is thrown away
  return paused_ || (side_ == Side::listener && outbox_.over_soft());
}

/// The reader rests, and there may be no reason any more.
void Connection::go_on_reading() {
  if (must_not_read()) return;
  begin_times_anew();
  waker_.tell_later();
}

/// Time stood still for the other side, as nobody listened to it or it took nothing. What it had
/// used of its times before does not count either: it is not known how long that was.
void Connection::begin_times_anew() {
  last_read_ = runtime_.turn_began();
  if (multiplexer_.partial_bytes() > 0) frame_began_ = last_read_;
  pong_due_ = never;
  if (multiplexer_.greeted()) watch_.set(next_look(last_read_));
}

void Connection::on_outbox_unblocked() {
  const bool stood_still = side_ == Side::listener && !half_closed_;
  if (stood_still && !closing_ && !outcome_) begin_times_anew();
}

void Connection::take(ByteView input) {
  last_read_ = runtime_.turn_began();
  pong_due_ = never;
  if (closing_) return;
  const std::size_t kept = multiplexer_.partial_bytes();
  const bool was_greeted = multiplexer_.greeted();
  auto violation = multiplexer_.receive(input, *this);
  const std::size_t partial = multiplexer_.partial_bytes();
  if (partial == 0) {
    frame_began_ = never;
  } else if (kept == 0 || partial != kept + input.size()) {  // not the one that was kept before
    frame_began_ = last_read_;
    // Half a hello is no reason to wait longer for the whole of it.
    if (was_greeted && options_.frame_timeout < options_.ping_after) {
      watch_.set(next_look(last_read_));
    }
  }
  if (!was_greeted && multiplexer_.greeted()) watch_.set(next_look(last_read_));
  if (violation) {
    close({violation->reason, std::string(violation->message)});
  } else {
    flush();
  }
}

// --- Time ----------------------------------------------------------------------------------------

bool Connection::has_idle_limit() const noexcept {
  return side_ == Side::listener && options_.idle_timeout > Clock::duration{};
}

bool Connection::is_busy() const noexcept {
  return multiplexer_.incoming() > 0 || frame_began_ != never;
}

Connection::Due Connection::what_is_due(Clock::time_point now) const noexcept {
  if (!multiplexer_.greeted()) return Due::hello;
  if (frame_began_ != never && now >= frame_began_ + options_.frame_timeout) return Due::frame;
  if (has_idle_limit() && !is_busy() && now >= last_request_ + options_.idle_timeout) {
    return Due::idle;
  }
  if (pong_due_ != never) return now >= pong_due_ ? Due::pong : Due::nothing;
  return now >= last_read_ + options_.ping_after ? Due::ping : Due::nothing;
}

Clock::time_point Connection::next_look(Clock::time_point now) const noexcept {
  // Until there is a request, the last one is our own hello.
  if (!multiplexer_.greeted()) return last_request_ + options_.hello_timeout;
  auto next = pong_due_ != never ? pong_due_ : last_read_ + options_.ping_after;
  if (frame_began_ != never) next = std::min(next, frame_began_ + options_.frame_timeout);
  if (has_idle_limit()) {
    next = std::min(next, (is_busy() ? now : last_request_) + options_.idle_timeout);
  }
  return next;
}

bool Connection::time_stands_still() const noexcept {
  return must_not_read() || (side_ == Side::listener && outbox_.blocked());
}

void Connection::let_time_stand_still(Clock::time_point now) {
  if (half_closed_) return see_who_is_left(now);
  last_read_ = now;
  pong_due_ = never;
  if (multiplexer_.partial_bytes() > 0) frame_began_ = now;
  watch_.set(now + options_.ping_after);
}

void Connection::see_who_is_left(Clock::time_point now) {
  wire::append(outbox_.pending(), wire::Kind::pong, 0, {}, {}, {});
  flush();
  const Clock::duration most = std::max<Clock::duration>(options_.ping_after, soonest_look);
  watch_.set(now + std::clamp<Clock::duration>(now - last_read_, soonest_look, most));
}

void Connection::keep_time() {
  if (closing_ || outcome_) return;
  const auto now = runtime_.now();
  if (!time_stands_still() && what_is_due(now) != Due::nothing && !reader_.ended()) {
    waker_.tell_now();
    if (closing_ || outcome_) return;
    if (more_to_read_) return watch_.set(now);
  }
  if (time_stands_still() && multiplexer_.greeted()) return let_time_stand_still(now);
  act_on(what_is_due(now), now);
  if (!closing_ && !outcome_) watch_.set(next_look(now));
}

void Connection::act_on(Due due, Clock::time_point now) {
  switch (due) {
    case Due::nothing:
      return;
    case Due::hello:
      if (now >= last_request_ + options_.hello_timeout + much_too_late) {
        last_request_ = now;
        return;
      }
      return close({reasons.no_hello, "no hello came in time"});
    case Due::idle:
      return close({});
    case Due::ping:
      return ping(now);
    case Due::frame:
      if (now >= frame_began_ + options_.frame_timeout + much_too_late) {
        frame_began_ = now;
        return;
      }
      return close({reasons.frame_too_slow, "a frame took too long to arrive"});
    case Due::pong:
      if (now >= pong_due_ + much_too_late) return ping(now);
      return abort({reasons.no_pong, "the other side does not answer"});
  }
}

void Connection::ping(Clock::time_point now) {
  pong_due_ = now + options_.ping_timeout;
  multiplexer_.ping(0);
  flush();
}

void Connection::on_goaway(std::uint32_t last, const Status& why) {
  handler_.on_goaway(last, why);
  // A goaway with an error is the other side's last word.
  if (!why.ok()) abort(why);
}

void Connection::close(Status why) {
  if (closing_ || ended_ || outcome_) return;
  closing_ = true;
  multiplexer_.goaway(why);
  reason_to_close_ = std::make_unique<Status>(std::move(why));
  scope_.spawn("farewell", farewell());
}

task<> Connection::farewell() {
  const Deadline deadline = runtime_.now() + farewell_time;
  co_await outbox_.drained(deadline);
  stream_->shutdown();
  if (reader_rests_) go_on_reading();
  // Closing with bytes unread would reset the connection, and the goaway might be lost with it:
  // give the other side time to end first. The reader throws away what still comes.
  while (!outcome_) {
    const bool notified = co_await over_.wait(deadline);
    if (!notified) break;
  }
  if (outcome_) co_return;
  assert(reason_to_close_);
  abort(std::move(*reason_to_close_));
}

void Connection::abort(Status why) {
  if (outcome_ || ended_) return;
  outcome_ = std::make_unique<Status>(std::move(why));
  stream_->close();
  waker_.tell_later();  // also a reader that rests
}

void Connection::on_outbox_failed(error_code error) {
  abort(explain(error));
}

}  // namespace babilu::rpc
