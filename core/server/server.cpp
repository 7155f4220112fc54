#include "core/server/server.h"

#include <cassert>

#include <boost/scope/scope_exit.hpp>

#include "core/net/accept.h"
#include "core/runtime/runtime.h"
#include "core/tls/error.h"

namespace babilu::server {

using telemetry::field;

namespace {

/// How long after the drain timeout a link may still take to say goodbye.
constexpr auto farewell_time = std::chrono::seconds(2);

}  // namespace

Server::Server(Runtime& runtime, net::Security& security, net::ListenerPtr listener,
               const rpc::ServiceTable& services, ServerShared& shared)
    : runtime_(runtime),
      security_(security),
      services_(services),
      shared_(shared),
      listener_(std::move(listener)),
      strangers_(shared.options.strangers, [&shared] { shared.metrics.on_stranger_gone(); }),
      session_ended_(runtime),
      scope_(runtime) {}

task<> Server::run() {
  net::Acceptor acceptor{
      .take =
          [this](net::StreamPtr stream) { scope_.spawn("connection", serve(std::move(stream))); },
      .on_trouble =
          [this](error_code why) {
            shared_.log.limited(telemetry::LogLevel::warn, "accept", "cannot accept; pausing",
                                field("error", why.message()));
          }};
  scope_.spawn_essential("accept", net::accept_each(runtime_, *listener_, std::move(acceptor)));
  co_await shared_.lifecycle.draining(runtime_);

  draining_ = true;
  listener_->close();
  const Deadline deadline = runtime_.now() + shared_.options.drain_timeout;
  for (rpc::Session* session : sessions_) session->drain(deadline);
  co_await sessions_ended(deadline + farewell_time);
  co_await scope_.close();
  assert(sessions_.empty());
}

task<> Server::sessions_ended(Deadline deadline) {
  while (!sessions_.empty()) {
    const bool notified = co_await session_ended_.wait(deadline);
    if (!notified) co_return;
  }
}

task<> Server::serve(net::StreamPtr raw) {
  const std::string remote = raw->remote().to_string();
  net::Guest guest(strangers_, *raw);
  Result<net::StreamPtr> stream =
      co_await security_.accept(std::move(raw), runtime_.now() + shared_.options.handshake_timeout);
  if (!stream) {
    log_failure(remote, stream.error(), guest.gone());
    co_return;
  }
  if (draining_) co_return;  // hands were shaken meanwhile; it would be told to leave at once
  rpc::Session session(runtime_, std::move(*stream), rpc::Side::listener, services_,
                       shared_.options.session, &shared_.metrics);
  const auto position = sessions_.insert(sessions_.end(), &session);
  shared_.metrics.on_connection_opened();
  const boost::scope::scope_exit forget([&] {
    sessions_.erase(position);
    session_ended_.notify_all();
    shared_.metrics.on_connection_closed();
  });
  // Whoever has a certificate is no stranger; without, a hello is all that there is to know.
  if (security_.encrypted()) {
    guest.leave();
  } else {
    session.scope().spawn("greeting", see_in(session, guest));
  }
  const rpc::Status why = co_await session.run();
  if (why.ok()) co_return;
  shared_.log.limited(telemetry::LogLevel::warn, "connection", "connection ended",
                      field("remote", remote), field("why", why.to_string()));
}

task<> Server::see_in(rpc::Session& session, net::Guest& guest) {
  if (co_await session.greeted(no_deadline)) guest.leave();
}

void Server::log_failure(const std::string& remote, const error_code& why, bool gave_way) const {
  const bool looked = tls::left_in_handshake(why);
  const auto level = looked ? telemetry::LogLevel::debug : telemetry::LogLevel::warn;
  shared_.log.limited(
      level, "handshake", "handshake failed", field("remote", remote),
      field("why", gave_way ? "too many that prove nothing; others came after it" : why.message()));
}

}  // namespace babilu::server
