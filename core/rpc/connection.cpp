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

/// Reads in a row before others get their turn: one of a scratch buffer each for those who ask, so
/// that nobody's small request waits behind a megabyte of somebody else's; more for a dialer, whose
/// replies go to many.
constexpr int reads_per_turn(Side side) {
  return side == Side::listener ? 1 : 16;
}

Status explain(error_code error) {
  if (error == boost::asio::error::eof) return {};
  return {Code::unavailable, "connection_lost", error.message()};
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
  watch_.set(last_read_ + options_.hello_timeout);
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
      } else if (!read_what_is_there()) {
        if (outcome_) break;
        waker_.tell_next_turn();
        co_await Routine::pause;
      } else if (!stream_->when_readable(waker_)) {
        co_await Routine::pause;
      }
    }
  } catch (...) {
    runtime_.report_failure("connection", std::current_exception());
    abort({Code::internal, "internal", "this side failed; try again"});
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
    if (outcome_) return false;
    if (got.error && got.error != boost::asio::error::would_block) {
      outcome_ =
          closing_ ? std::move(reason_to_close_) : std::make_unique<Status>(explain(got.error));
      return false;
    }
    // A short read means that there is no more for now.
    if (got.bytes < scratch.size()) return true;
    if (must_not_read()) return false;
  }
  return false;
}

bool Connection::must_not_read() const noexcept {
  if (closing_) return false;  // what still comes is thrown away
  return paused_ || (side_ == Side::listener && outbox_.over_soft());
}

/// The reader rests, and there may be no reason any more.
void Connection::go_on_reading() {
  if (must_not_read()) return;
  // It could not answer while nobody listened.
  last_read_ = runtime_.turn_began();
  if (multiplexer_.partial_frame()) frame_began_ = last_read_;
  pinged_ = false;
  waker_.tell_later();
}

bool Connection::is_idle(Clock::time_point now) const noexcept {
  return side_ == Side::listener && options_.idle_timeout > Clock::duration{} &&
         multiplexer_.incoming() == 0 && now - last_request_ >= options_.idle_timeout;
}

void Connection::take(ByteView input) {
  last_read_ = runtime_.turn_began();
  pinged_ = false;
  if (closing_) return;
  const bool was_partial = multiplexer_.partial_frame();
  const bool was_greeted = multiplexer_.greeted();
  auto violation = multiplexer_.receive(input, *this);
  if (!multiplexer_.partial_frame()) {
    frame_began_ = {};
  } else if (!was_partial) {
    frame_began_ = last_read_;
    // Half a hello is no reason to wait longer for the whole of it.
    if (was_greeted) watch_.set(last_read_ + options_.frame_timeout);
  }
  if (!was_greeted && multiplexer_.greeted()) {
    const bool partial = multiplexer_.partial_frame();
    watch_.set(last_read_ + (partial ? std::min(options_.ping_after, options_.frame_timeout)
                                     : options_.ping_after));
  }
  if (violation) {
    close({violation->code, std::string(violation->reason), std::string(violation->message)});
  } else {
    flush();
  }
}

void Connection::keep_time() {
  const auto now = runtime_.now();
  if (!multiplexer_.greeted()) {
    close({Code::deadline_exceeded, "no_hello", "no hello came in time"});
    return;
  }
  if (must_not_read()) {
    watch_.set(now + options_.ping_after);
    return;
  }
  if (frame_began_ != Clock::time_point{} && now >= frame_began_ + options_.frame_timeout) {
    close({Code::deadline_exceeded, "frame_too_slow", "a frame took too long to arrive"});
    return;
  }
  if (is_idle(now)) {
    close({});
    return;
  }
  const auto silent = now - last_read_;
  if (pinged_ && silent >= options_.ping_after + options_.ping_timeout) {
    abort({Code::unavailable, "no_pong", "the other side does not answer"});
    return;
  }
  if (!pinged_ && silent >= options_.ping_after) {
    pinged_ = true;
    multiplexer_.ping(0);
    flush();
  }
  const auto next =
      last_read_ + options_.ping_after + (pinged_ ? options_.ping_timeout : Clock::duration{});
  const bool partial = frame_began_ != Clock::time_point{};
  watch_.set(partial ? std::min(next, frame_began_ + options_.frame_timeout) : next);
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
