#include "roles/proxy/link.h"

#include <algorithm>

#include <boost/scope/scope_exit.hpp>

#include "core/rpc/request_id.h"
#include "core/runtime/backoff.h"
#include "core/runtime/runtime.h"
#include "core/wire/envelope.pb.h"
#include "roles/api/reasons.h"
#include "roles/proxy/relay.h"

namespace babilu::proxy {

namespace {

/// Statuses that tell of the backend, not of the request.
bool is_fault(rpc::Code code) noexcept {
  return code == rpc::Code::internal || code == rpc::Code::unknown ||
         code == rpc::Code::data_loss || code == rpc::Code::unavailable ||
         code == rpc::Code::deadline_exceeded;
}

}  // namespace

Link::Link(Runtime& runtime, net::Network& network, net::Security& security, Backend backend,
           Figures& figures, const Options& options, Relay& relay)
    : runtime_(runtime),
      network_(network),
      security_(security),
      backend_(std::move(backend)),
      name_hash_(hash_name(backend_.name.data(), backend_.name.size())),
      options_(options),
      board_(figures.services()),
      figures_(figures.of(backend_.name)),
      tally_(runtime, *figures_, figures.totals()),
      relay_(relay),
      changed_(runtime),
      health_(options.health) {}

Link::~Link() {
  expect_nothing();
}

task<> Link::run() {
  Backoff backoff(options_.backoff_min, options_.backoff_max);
  while (!leaving_) {
    const auto began = runtime_.now();
    const bool was_up = co_await serve_once();
    // Who lets us in and sends us away at once is not to be dialed again at once.
    if (was_up && runtime_.now() - began >= options_.backoff_max) backoff.reset();
    if (leaving_) break;
    co_await changed_.wait(runtime_.now() + backoff.next(runtime_.random()));
  }
}

task<bool> Link::serve_once() {
  Result<net::StreamPtr> stream = co_await net::dial(network_, security_, backend_.address,
                                                     runtime_.now() + options_.connect_timeout);
  if (!stream) {
    last_failure_ = stream.error().message();
    tell_failure();
    co_return false;
  }
  if (leaving_) co_return false;  // told so while it dialed
  rpc::Connection::Handler& handler = *this;
  connection_ = std::make_unique<rpc::Connection>(runtime_, std::move(*stream), rpc::Side::dialer,
                                                  options_.connection, handler);
  wire::Hello hello;
  hello.set_agent("babilu proxy");
  const boost::scope::scope_exit end([&] { take_down(); });
  connection_->greet(std::move(hello));
  const rpc::Status why = co_await connection_->run();
  last_failure_ = why.ok() ? "the backend closed the link" : why.to_string();
  if (leaving_ && why.ok()) last_failure_.clear();  // nothing failed
  co_return connection_->multiplexer().greeted();
}

void Link::take_down() {
  const auto broken = std::exchange(connection_, nullptr);
  forget_services();
  const bool was_up = broken->multiplexer().greeted();
  if (was_up) figures_->links_up.subtract();
  relay_.on_link_lost(*this, broken->multiplexer());
  if (was_up) {
    figures_->down_cause.set(last_failure_);
  } else {
    tell_failure();
  }
}

/// Once for each cause: it is tried again and again.
void Link::tell_failure() {
  if (leaving_ || last_failure_.empty()) return;
  if (figures_->down_cause.set(last_failure_)) relay_.on_link_failed(*this);
}

void Link::leave() {
  if (std::exchange(leaving_, true)) return;
  expect_nothing();
  changed_.notify_all();
  if (connection_) connection_->scope().spawn("leave", close_when_answered());
}

task<> Link::close_when_answered() {
  const Deadline deadline = runtime_.now() + options_.leave_timeout;
  while (connection_->multiplexer().outgoing() > 0) {
    const bool answered = co_await changed_.wait(deadline);
    if (!answered) break;
  }
  connection_->close({});
}

Candidate Link::candidate(std::uint16_t method, Clock::time_point now) const noexcept {
  return {.name_hash = name_hash_,
          .latency_seconds = latencies_.seconds(method, now),
          .in_flight = static_cast<double>(connection_->multiplexer().outgoing()),
          .weight = backend_.weight,
          .share = health_.share(now)};
}

void Link::forward(const wire::Header& head, ByteView payload) {
  if (!connection_ || !connection_->open()) return;
  connection_->multiplexer().forward(head, payload);
  connection_->flush();
}

void Link::cancel(std::uint32_t stream) {
  if (!connection_ || !connection_->open()) return;
  connection_->multiplexer().cancel(stream);
  connection_->flush();
}

void Link::note_reply(rpc::Code code, bool excused, std::size_t bytes, Clock::duration latency) {
  const bool fault = is_fault(code) && !excused;
  if (!is_fault(code)) last_answer_ = runtime_.turn_began();
  if (!excused) health_.on_reply(fault);
  tally_.answered(wire::header_bytes + bytes, fault, code != rpc::Code::ok, latency);
  if (leaving_) changed_.notify_all();
}

void Link::forget_services() {
  for (std::size_t id = 0; id < services_.size(); ++id) {
    if (services_[id]) board_.remove(static_cast<std::uint8_t>(id));
  }
  services_.fill(false);
}

void Link::expect_nothing() {
  for (std::size_t id = 0; id < last_services_.size(); ++id) {
    if (last_services_[id]) board_.expect_no_more(static_cast<std::uint8_t>(id));
  }
  last_services_.fill(false);
}

void Link::note_services(const wire::Hello& hello) {
  method_costs_.clear();
  expect_nothing();
  for (const auto& service : hello.services()) {
    if (service.id() >= services_.size() || services_[service.id()]) continue;
    services_[service.id()] = true;
    board_.add(static_cast<std::uint8_t>(service.id()), service.name());
    for (const auto& cost : service.costs()) {
      if (cost.method() > 0xff) continue;
      method_costs_.push_back(
          {static_cast<std::uint16_t>(service.id() << 8 | cost.method()), cost.cost()});
    }
  }
  if (leaving_) return;
  last_services_ = services_;
  for (std::size_t id = 0; id < last_services_.size(); ++id) {
    if (last_services_[id]) board_.expect(static_cast<std::uint8_t>(id));
  }
}

void Link::on_hello(const wire::Hello& hello) {
  note_services(hello);
  has_been_up_ = true;
  last_failure_.clear();
  figures_->down_cause.clear();
  health_.on_link_up(runtime_.now());
  latencies_.forget();
  figures_->links_up.add();
  relay_.on_link_up(*this);
}

void Link::on_request(const wire::Frame& frame, rpc::Multiplexer::Tag&) {
  rpc::Status why(api::reasons.not_served, "a proxy serves no backends");
  why.request_id = rpc::make_request_id(runtime_.random());
  connection_->multiplexer().reply(frame.header.stream, rpc::Reply::refuse(std::move(why)));
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
