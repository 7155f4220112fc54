#include "roles/proxy/proxy.h"

#include <algorithm>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/scope/scope_exit.hpp>

#include "core/net/proxy_protocol.h"
#include "core/runtime/runtime.h"

namespace babilu::proxy {

using telemetry::field;

namespace {

/// How long accepting pauses when the machine is out of something, files above all.
constexpr auto accept_pause = std::chrono::milliseconds(100);

}  // namespace

Proxy::Proxy(Runtime& runtime, net::Network& network, net::Security& sessions, net::Security& links,
             net::ListenerPtr listener, ProxyShared& shared, ProxyOptions options)
    : runtime_(runtime),
      session_security_(sessions),
      shared_(shared),
      listener_(std::move(listener)),
      options_(std::move(options)),
      session_options_(std::make_shared<const rpc::ConnectionOptions>(options_.session)),
      relay_(runtime, shared.observer, options_.relay),
      pool_(runtime, network, links, shared.figures, options_.link, relay_),
      session_scope_(runtime),
      watch_scope_(runtime) {
  relay_.use(pool_);
}

void Proxy::apply(ProxyOptions options) {
  options_ = std::move(options);
  session_options_ = std::make_shared<const rpc::ConnectionOptions>(options_.session);
  pool_.set_backends(options_.backends);
}

task<> Proxy::run() {
  pool_.set_backends(options_.backends);
  watch_scope_.spawn("health", pool_.keep_watch());
  session_scope_.spawn("accept", accept());

  co_await shared_.lifecycle.draining(runtime_);

  listener_->close();
  const Deadline deadline = runtime_.now() + options_.drain_timeout;
  Scope farewells(runtime_);
  for (ClientSession* session : sessions_) {
    farewells.spawn("drain session", drain_session(*session, deadline));
  }
  co_await farewells.join();
  session_scope_.cancel();
  co_await session_scope_.join();
  watch_scope_.cancel();
  co_await watch_scope_.join();
  co_await pool_.close();
}

task<> Proxy::drain_session(ClientSession& session, Deadline deadline) {
  co_await session.drain(deadline);
}

task<> Proxy::accept() {
  for (;;) {
    Result<net::StreamPtr> stream = co_await listener_->accept();
    if (stream) {
      session_scope_.spawn("handshake", shake_hands(std::move(*stream)));
    } else if (stream.error() == boost::asio::error::operation_aborted) {
      co_return;
    } else {
      shared_.log.limited(telemetry::LogLevel::warn, "accept", "cannot accept; pausing",
                          field("error", stream.error().message()));
      co_await runtime_.sleep_for(accept_pause);
    }
  }
}

task<Result<net::Address>> Proxy::identify(net::Stream& raw, Deadline deadline) {
  const net::Address remote = raw.remote();
  boost::system::error_code not_a_number;
  const auto number = boost::asio::ip::make_address(remote.host, not_a_number);
  const bool balanced =
      !not_a_number &&
      std::ranges::any_of(options_.balancers, [&](const Cidr& c) { return c.contains(number); });
  if (!balanced) co_return remote;
  const auto named = co_await net::read_proxy_header(raw, deadline);
  if (!named) co_return named.error();
  co_return named->value_or(remote);
}

task<> Proxy::shake_hands(net::StreamPtr raw) {
  const Deadline deadline = runtime_.now() + options_.handshake_timeout;
  const auto remote = co_await identify(*raw, deadline);
  if (!remote) {
    shared_.observer.on_handshake_failed();
    log_refusal(raw->remote(), "handshake failed", remote.error().message());
    co_return;
  }
  // In a simulation hosts have names: there one stands for all.
  boost::system::error_code not_a_number;
  const auto number = boost::asio::ip::make_address(remote->host, not_a_number);
  auto ticket = shared_.admission.admit(number, runtime_.now());
  if (!ticket) {
    turn_away(*raw, *remote, ticket.error());
    co_return;
  }
  Result<net::StreamPtr> stream = co_await session_security_.accept(std::move(raw), deadline);
  if (!stream) {
    shared_.observer.on_handshake_failed();
    log_refusal(*remote, "handshake failed", stream.error().message());
    co_return;
  }
  // A coroutine of its own: what the handshake needed goes with this one.
  session_scope_.spawn("session", serve(std::make_unique<ClientSession>(
                                      runtime_, std::move(*stream), session_options_,
                                      remote->to_string(), std::move(*ticket), relay_)));
}

/// Before any handshake, which would cost more than a session: so only who speaks plaintext hears
/// why.
void Proxy::turn_away(net::Stream& raw, const net::Address& remote, const rpc::Status& why) {
  shared_.observer.on_turned_away();
  log_refusal(remote, "turned away", why.to_string());
  if (session_security_.encrypted()) return;
  Bytes frames;
  rpc::Multiplexer last_words(rpc::Side::listener, {}, frames);
  last_words.goaway(why);
  raw.write_some(frames);
}

task<> Proxy::serve(std::unique_ptr<ClientSession> session) {
  const auto position = sessions_.insert(sessions_.end(), session.get());
  shared_.observer.on_session_opened();
  const boost::scope::scope_exit forget([&] {
    sessions_.erase(position);
    shared_.observer.on_session_closed();
  });
  log_end(*session, co_await session->run());
}

void Proxy::log_end(const ClientSession& session, const rpc::Status& why) {
  if (why.ok()) return;
  shared_.log.limited(telemetry::LogLevel::warn, "session ended", "session ended",
                      field("remote", session.remote()), field("why", why.to_string()));
}

void Proxy::log_refusal(const net::Address& remote, const char* what, std::string_view why) {
  shared_.log.limited(telemetry::LogLevel::warn, what, what, field("remote", remote.to_string()),
                      field("why", why));
}

}  // namespace babilu::proxy
