#include "roles/proxy/proxy.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

#include "core/net/proxy_protocol.h"
#include "core/runtime/runtime.h"
#include "core/tls/error.h"
#include "core/tls/tls.h"

namespace babilu::proxy {

using telemetry::field;

namespace {

/// How long after the drain timeout a session may still take to say goodbye.
constexpr auto farewell_time = std::chrono::seconds(2);

}  // namespace

Proxy::Proxy(Runtime& runtime, net::Network& network, net::Security& sessions, net::Security& links,
             net::ListenerPtr listener, ProxyShared& shared, ProxyOptions options)
    : runtime_(runtime),
      session_security_(sessions),
      shared_(shared),
      listener_(std::move(listener)),
      options_(std::move(options)),
      unnamed_(options_.unnamed,
               [&shared] { shared.observer.on_turned_away("too_many_without_header"); }),
      session_options_(std::make_shared<const rpc::ConnectionOptions>(options_.session)),
      relay_(runtime, shared.observer, options_.relay),
      pool_(runtime, network, links, shared.figures, options_.link, relay_),
      session_ended_(runtime),
      handshakes_(runtime),
      endings_(runtime),
      watch_scope_(runtime) {
  relay_.use(pool_);
}

Proxy::~Proxy() {
  sessions_.clear_and_dispose(std::default_delete<ClientSession>());
}

void Proxy::apply(ProxyOptions options) {
  options_ = std::move(options);
  session_options_ = std::make_shared<const rpc::ConnectionOptions>(options_.session);
  pool_.set_backends(options_.backends);
  for (ClientSession& session : sessions_) session.take_up_limits();
}

task<> Proxy::run() {
  pool_.set_backends(options_.backends);
  watch_scope_.spawn_essential("health", pool_.keep_watch());
  handshakes_.spawn_essential("accept", net::accept_each(runtime_, *listener_, acceptor()));

  co_await shared_.lifecycle.draining(runtime_);

  listener_->close();
  co_await handshakes_.close();
  const Deadline deadline = runtime_.now() + options_.drain_timeout;
  for (ClientSession& session : sessions_) session.drain(deadline);
  const bool ended = co_await sessions_ended(deadline + farewell_time);
  if (!ended) {
    for (ClientSession& session : sessions_) session.abort({});
    co_await sessions_ended(no_deadline);
  }
  co_await endings_.join();
  co_await watch_scope_.close();
  co_await pool_.close();
}

task<bool> Proxy::sessions_ended(Deadline deadline) {
  while (!sessions_.empty()) {
    const bool notified = co_await session_ended_.wait(deadline);
    if (!notified) co_return false;
  }
  co_return true;
}

net::Acceptor Proxy::acceptor() {
  return {.take =
              [this](net::StreamPtr stream) {
                handshakes_.spawn("handshake", shake_hands(std::move(stream)));
              },
          .on_trouble =
              [this](error_code why) {
                shared_.log.limited(telemetry::LogLevel::warn, "accept", "cannot accept; pausing",
                                    field("error", why.message()));
              }};
}

task<Result<net::Address>> Proxy::identify(net::Stream& raw, Deadline deadline) {
  const net::Address remote = raw.remote();
  boost::system::error_code not_a_number;
  const auto number = boost::asio::ip::make_address(remote.host, not_a_number);
  const bool balanced =
      !not_a_number &&
      std::ranges::any_of(options_.balancers, [&](const Cidr& c) { return c.contains(number); });
  if (!balanced) co_return remote;
  net::Guest guest(unnamed_, raw);
  const auto named = co_await net::read_proxy_header(raw, deadline);
  if (!named) co_return named.error();
  co_return named->value_or(remote);
}

task<> Proxy::shake_hands(net::StreamPtr raw) {
  const Deadline deadline = runtime_.now() + options_.handshake_timeout;
  const auto remote = co_await identify(*raw, deadline);
  if (!remote) {
    shared_.observer.on_handshake_failed();
    log_failure(raw->remote(), remote.error());
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
    log_failure(*remote, stream.error());
    co_return;
  }
  if (tls::resumed(**stream)) shared_.observer.on_session_resumed();
  ClientSession::Owner& owner = *this;
  auto session =
      std::make_unique<ClientSession>(runtime_, std::move(*stream), session_options_,
                                      remote->to_string(), std::move(*ticket), relay_, owner);
  sessions_.push_back(*session);
  shared_.observer.on_session_opened();
  session.release()->start();
}

/// Before any handshake, which would cost more than a session: so only who speaks plaintext hears
/// why.
void Proxy::turn_away(net::Stream& raw, const net::Address& remote, const rpc::Status& why) {
  shared_.observer.on_turned_away(why.reason);
  log_refusal(remote, "turned away", why.to_string());
  if (session_security_.encrypted()) return;
  Buffer frames;
  rpc::Multiplexer last_words(rpc::Side::listener, {}, frames);
  last_words.goaway(why);
  raw.write_some(frames);
}

void Proxy::on_session_over(ClientSession& session) {
  endings_.spawn("end of session", end(session));
}

task<> Proxy::end(ClientSession& session) {
  const rpc::Status why = co_await session.finish();
  log_end(session, why);
  sessions_.erase_and_dispose(sessions_.iterator_to(session), std::default_delete<ClientSession>());
  shared_.observer.on_session_closed();
  session_ended_.notify_all();
}

/// Who breaks the connection off without a word looked whether anybody is here, as some balancers
/// do with a handshake first.
void Proxy::log_end(ClientSession& session, const rpc::Status& why) const {
  if (why.ok()) return;
  const rpc::Multiplexer& multiplexer = session.multiplexer();
  const bool silent = !multiplexer.greeted() && multiplexer.partial_bytes() == 0;
  if (silent && why.reason == "connection_lost") {
    shared_.log.debug("left without a word", field("remote", session.remote()));
    return;
  }
  shared_.log.limited(telemetry::LogLevel::warn, "session ended", "session ended",
                      field("remote", session.remote()), field("why", why.to_string()));
}

/// Who connects and leaves again is a balancer that looks whether anybody is here.
void Proxy::log_failure(const net::Address& remote, const error_code& why) const {
  if (tls::left_in_handshake(why)) {
    shared_.log.debug("left in the handshake", field("remote", remote.to_string()));
  } else {
    log_refusal(remote, "handshake failed", why.message());
  }
}

void Proxy::log_refusal(const net::Address& remote, const char* what, std::string_view why) const {
  shared_.log.limited(telemetry::LogLevel::warn, what, what, field("remote", remote.to_string()),
                      field("why", why));
}

}  // namespace babilu::proxy
