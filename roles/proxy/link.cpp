#include "roles/proxy/link.h"

#include <boost/scope/scope_exit.hpp>

#include "core/runtime/backoff.h"
#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {

Link::Link(Runtime& runtime, net::Network& network, net::Security& security,
           net::Address backend, Options options, Relay& relay)
    : runtime_(runtime),
      network_(network),
      security_(security),
      backend_(std::move(backend)),
      name_(backend_.to_string()),
      name_hash_(hash_name(name_.data(), name_.size())),
      options_(options),
      relay_(relay) {}

task<> Link::run() {
  Backoff backoff(options_.backoff_min, options_.backoff_max);
  for (;;) {
    const bool was_up = co_await serve_once();
    if (was_up) backoff.reset();
    co_await runtime_.sleep_for(backoff.next(runtime_.random()));
  }
}

task<bool> Link::serve_once() {
  Result<net::StreamPtr> stream = co_await net::dial(network_, security_, backend_,
                                                     runtime_.now() + options_.connect_timeout);
  if (!stream) {
    last_failure_ = stream.error().message();
    co_return false;
  }
  rpc::Connection::Handler& handler = *this;
  connection_ = std::make_unique<rpc::Connection>(runtime_, std::move(*stream), rpc::Side::dialer,
                                                  options_.connection, handler);
  wire::Hello hello;
  hello.set_agent("babilu proxy");
  const boost::scope::scope_exit take_down([&] {
    const auto broken = std::exchange(connection_, nullptr);
    services_.fill(false);
    relay_.on_link_lost(*this, broken->multiplexer());
  });
  const rpc::Status why = co_await connection_->run(std::move(hello));
  last_failure_ = why.ok() ? "the backend closed the link" : why.to_string();
  co_return connection_->multiplexer().greeted();
}

Candidate Link::candidate() const noexcept {
  return {.name_hash = name_hash_,
          .in_flight = connection_->multiplexer().outgoing(),
          .latency_seconds = latency_seconds_};
}

void Link::record_latency(Clock::duration latency) noexcept {
  const double seconds = std::chrono::duration<double>(latency).count();
  latency_seconds_ = latency_seconds_ == 0 ? seconds : latency_seconds_ * 0.9 + seconds * 0.1;
}

void Link::on_hello(const wire::Hello& hello) {
  services_.fill(false);
  for (const auto& service : hello.services()) {
    if (service.id() < services_.size()) services_[service.id()] = true;
  }
  last_failure_.clear();
  relay_.on_link_up(*this);
}

void Link::on_request(const wire::Frame& frame) {
  connection_->multiplexer().reply(
      frame.header.stream,
      rpc::Reply::refuse({rpc::Code::unimplemented, "not_served", "a proxy serves no backends"}));
}

void Link::on_item(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool) {
  relay_.to_session(frame, tag);
}

void Link::on_credit(const wire::Frame& frame, rpc::Multiplexer::Tag tag, bool) {
  relay_.to_session(frame, tag);
}

void Link::on_reply(const wire::Frame& frame, rpc::Multiplexer::Tag tag) {
  relay_.on_reply(*this, frame, tag);
}

}  // namespace babilu::proxy
