#include "core/rpc/session.h"

#include <algorithm>
#include <cassert>

#include <boost/scope/scope_exit.hpp>

#include "core/rpc/session_request.h"
#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"

namespace babilu::rpc {

namespace {

std::uint32_t milliseconds_left(Clock::time_point now, Deadline deadline) {
  if (deadline == no_deadline) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, UINT32_MAX));
}

}  // namespace

/// Stands in the frame of a coroutine that somebody else awaits.
struct Session::Waiting {
  explicit Waiting(Session& owner) noexcept : session(owner) { ++session.waiting_; }
  ~Waiting() { --session.waiting_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  Session& session;
};

/// A call of ours; lives in the frame of call().
struct Session::PendingCall {
  explicit PendingCall(Runtime& runtime) : done(runtime) {}
  Condition done;
  std::optional<CallResult> result;
};

Session::Session(Runtime& runtime, net::StreamPtr stream, Side side, const ServiceTable& services,
                 SessionOptions options, SessionObserver* observer)
    : runtime_(runtime),
      services_(services),
      options_(options),
      observer_(observer),
      connection_(runtime, std::move(stream), side, options_.connection, *this),
      peer_(connection_.stream().peer()),
      changed_(runtime) {}

Session::~Session() {
  // A stopped loop never resumes its coroutines.
  assert(waiting_ == 0 || runtime_.context().stopped());
}

task<Status> Session::run() {
  wire::Hello hello;
  services_.describe(hello);
  hello.set_agent("babilu");
  boost::scope::scope_exit cancelled([this] { end_calls({}); });
  connection_.greet(std::move(hello));
  Status outcome = co_await connection_.run();
  cancelled.set_active(false);
  end_calls(outcome);
  co_return outcome;
}

void Session::end_calls(const Status& outcome) {
  Status why(reasons.connection_lost, "the connection ended before the reply");
  if (!outcome.ok()) why.message += " (" + outcome.to_string() + ")";
  connection_.multiplexer().abandon_outgoing([&](Multiplexer::Tag tag) {
    if (tag == 0) return;
    auto& pending = *reinterpret_cast<PendingCall*>(tag);
    pending.result = CallResult{Reply::refuse(why), true};
    pending.done.notify_all();
  });
  changed_.notify_all();
}

task<bool> Session::greeted(Deadline deadline) {
  const Waiting inside(*this);
  while (connection_.open() && !connection_.multiplexer().greeted()) {
    const bool notified = co_await changed_.wait(deadline);
    if (!notified) co_return false;
  }
  co_return connection_.open();
}

task<> Session::left() {
  const Waiting inside(*this);
  while (connection_.open() && !leaving_) co_await changed_.wait();
}

task<Session::CallResult> Session::call(std::uint16_t method, ByteView message,
                                        CallOptions options) {
  const Waiting inside(*this);
  Multiplexer& multiplexer = connection_.multiplexer();
  if (!connection_.open() || !multiplexer.may_request()) {
    Reply refusal = Reply::refuse({reasons.not_accepting, "the other side takes no requests now"});
    refusal.unstarted = true;
    co_return CallResult{std::move(refusal), false};
  }
  wire::Metadata metadata;
  metadata.set_token(std::string(options.token));
  metadata.set_idempotency_key(std::string(options.idempotency_key));
  Bytes payload(metadata.ByteSizeLong());
  metadata.SerializeToArray(payload.data(), static_cast<int>(payload.size()));
  const auto meta_bytes = static_cast<std::uint16_t>(payload.size());
  payload.insert(payload.end(), message.begin(), message.end());
  if (multiplexer.too_large(payload.size()) || meta_bytes > wire::default_frame_limit / 16) {
    co_return CallResult{Reply::refuse({reasons.request_too_large,
                                        "the request is larger than the frames that the other "
                                        "side takes"}),
                         false};
  }

  const bool retryable = options.retryable || !options.idempotency_key.empty();
  PendingCall pending(runtime_);
  const std::uint32_t stream = multiplexer.request(
      {.flags =
           static_cast<std::uint8_t>(wire::flags::end | (retryable ? wire::flags::retryable : 0)),
       .method = method,
       .value = milliseconds_left(runtime_.now(), options.deadline),
       .route = options.route,
       .meta = meta_bytes},
      {}, payload, reinterpret_cast<Multiplexer::Tag>(&pending));
  connection_.flush();

  // However this frame ends, the reply must not find it when it is gone.
  struct Forget {
    Multiplexer& multiplexer;
    Connection& connection;
    std::uint32_t stream;
    PendingCall& pending;
    ~Forget() {
      if (pending.result) return;
      multiplexer.set_tag(stream, 0);
      if (!connection.open()) return;
      multiplexer.cancel(stream);
      connection.flush();
    }
  } forget{multiplexer, connection_, stream, pending};

  while (!pending.result) {
    const bool notified = co_await pending.done.wait(options.deadline);
    if (!notified && !pending.result) {
      co_return CallResult{Reply::refuse({reasons.deadline, "no reply came in time"}), false};
    }
  }
  co_return std::move(*pending.result);
}

void Session::on_hello(const wire::Hello& hello) {
  other_hello_ = std::make_unique<const wire::Hello>(hello);
  changed_.notify_all();
}

void Session::on_reply(const wire::Frame& frame, Multiplexer::Tag tag) {
  changed_.notify_all();
  if (tag == 0) return;  // nobody waits any more
  auto& pending = *reinterpret_cast<PendingCall*>(tag);
  assert(!pending.result);
  const Code code = code_from_wire(frame.header.value);
  const ByteView message = frame.message();
  CallResult result;
  if (code == Code::ok) {
    result.reply.message.assign(message.begin(), message.end());
  } else {
    result.reply.status = decode_detail(code, message);
    result.reply.unstarted = frame.header.has(wire::flags::unstarted);
  }
  pending.result = std::move(result);
  pending.done.notify_all();
}

void Session::on_goaway(std::uint32_t, const Status&) {
  leaving_ = true;
  changed_.notify_all();
}

}  // namespace babilu::rpc
