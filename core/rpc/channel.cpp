#include "core/rpc/channel.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

#include "core/crypto/random.h"
#include "core/runtime/backoff.h"
#include "core/runtime/runtime.h"

namespace babilu::rpc {

namespace {

Status cannot_connect(const net::Address& target, const std::string& why) {
  return {reasons.cannot_connect, "cannot connect to " + target.to_string() + ": " + why};
}

}  // namespace

Channel::Channel(Runtime& runtime, net::Network& network, net::Security& security,
                 ChannelOptions options)
    : runtime_(runtime),
      network_(network),
      security_(security),
      options_(std::move(options)),
      scope_(runtime),
      changed_(runtime),
      last_failure_(reasons.not_connected, "not connected yet") {}

Channel::~Channel() = default;

void Channel::start() {
  assert(!options_.targets.empty());
  scope_.spawn_essential("channel", maintain());
}

task<> Channel::close() {
  if (session_) session_->close({});
  session_.reset();
  scope_.cancel();
  changed_.notify_all();
  co_await scope_.join();
}

bool Channel::usable() const {
  return session_ && session_->open() && !session_->other_side_leaving();
}

task<> Channel::maintain() {
  Backoff in_vain(options_.backoff_min, options_.backoff_max);
  Backoff sent_away(options_.backoff_min, options_.backoff_max);
  for (std::size_t turn = 0;; ++turn) {
    const net::Address& target = options_.targets[turn % options_.targets.size()];
    session_ = co_await connect(target);
    changed_.notify_all();
    if (!session_) {
      co_await runtime_.sleep_for(in_vain.next(runtime_.random()));
      continue;
    }
    in_vain.reset();
    const std::shared_ptr<Session> session = session_;
    const auto connected = runtime_.now();
    co_await session->left();
    ++reconnects_;
    // Who lets us in and sends us away at once is not to be asked again at once.
    if (runtime_.now() - connected >= options_.backoff_min) {
      sent_away.reset();
    } else {
      co_await runtime_.sleep_for(sent_away.next(runtime_.random()));
    }
    --turn;  // the same target first: after a restart it is the likeliest to answer
  }
}

task<std::shared_ptr<Session>> Channel::connect(const net::Address& target) {
  const Deadline deadline = runtime_.now() + options_.connect_timeout;
  Result<net::StreamPtr> stream = co_await net::dial(network_, security_, target, deadline);
  if (!stream) {
    last_failure_ = cannot_connect(target, stream.error().message());
    co_return nullptr;
  }
  auto session = std::make_shared<Session>(runtime_, std::move(*stream), Side::dialer, no_services_,
                                           options_.session);
  scope_.spawn("channel session", run_session(session));
  const bool greeted = co_await session->greeted(deadline);
  if (!greeted) {
    session->close({reasons.no_hello, "no hello came in time"});
    co_return nullptr;
  }
  co_return session;
}

task<> Channel::run_session(std::shared_ptr<Session> session) {
  const net::Address target = session->stream().remote();
  Status why = co_await session->run();
  last_failure_ = why.ok() ? cannot_connect(target, "it closed the connection")
                           : cannot_connect(target, why.to_string());
  changed_.notify_all();
}

task<Status> Channel::ready(Deadline deadline) {
  while (!usable()) {
    if (scope_.cancelled()) co_return Status(reasons.closed, "the channel was closed");
    const bool notified = co_await changed_.wait(deadline);
    if (!notified && !usable()) co_return last_failure_;
  }
  co_return Status{};
}

task<Reply> Channel::call(const MethodTraits& method, ByteView message, CallOptions options) {
  std::array<std::uint8_t, 32> key{};
  if (method.mutating() && options.idempotency_key.empty()) {
    crypto::fill_random(runtime_.random(), key);
    options.idempotency_key = text_of(key);
  }
  options.retryable |= !method.mutating();  // what has no effect may be had twice
  const bool retryable = options.retryable || !options.idempotency_key.empty();
  std::optional<Reply> refusal;
  for (int sent = 1;; ++sent) {
    Status connected = co_await ready(options.deadline);
    if (!connected.ok()) co_return Reply::refuse(std::move(connected));

    // A session that ends meanwhile is replaced; this one stays until its calls have returned.
    const std::shared_ptr<Session> session = session_;
    Session::CallResult result = co_await session->call(method.id, message, options);
    const bool again = (result.connection_lost && retryable && sent < options_.sends) ||
                       (result.reply.unstarted && result.reply.status.code == Code::unavailable);
    const Clock::duration pause =
        result.connection_lost
            ? Clock::duration{}
            : std::max<Clock::duration>(options_.backoff_min, result.reply.status.retry_after);
    // That the time is up says less than why it was not enough.
    const bool late = result.reply.status.code == Code::deadline_exceeded;
    if (late && refusal) co_return std::move(*refusal);
    if (!again || runtime_.now() + pause >= options.deadline) co_return std::move(result.reply);
    if (result.reply.unstarted) refusal = result.reply;
    if (result.connection_lost) {
      ++resends_;
    } else {
      --sent;  // it was never looked at
      co_await runtime_.sleep_for(pause);
    }
  }
}

}  // namespace babilu::rpc
