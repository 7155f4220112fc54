// The serving half of a Session: from a request frame to its reply.
#include <cassert>

#include <fmt/format.h>
#include <boost/scope/scope_exit.hpp>

#include "core/rpc/session_request.h"

namespace babilu::rpc {

namespace {

constexpr std::size_t idempotency_key_bytes = 32;

bool parse(google::protobuf::MessageLite& message, ByteView bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

void Session::on_request(const wire::Frame& frame, Multiplexer::Tag& tag) {
  const ServiceTable::Entry* entry = services_.find(frame.header.method);
  if (entry == nullptr) {
    return refuse(frame.header.stream,
                  {reasons.unknown_method,
                   fmt::format("method {}.{} is not offered here", frame.header.method >> 8,
                               frame.header.method & 0xff)});
  }
  auto request = std::make_unique<Request>(*this, *entry, frame);
  if (auto refusal = admit(*request, frame)) {
    return request->answer(Reply::refuse(std::move(*refusal)));
  }
  tag = reinterpret_cast<Multiplexer::Tag>(request.get());
  scope().spawn("request", serve(std::move(request)));
}

std::optional<Status> Session::admit(Request& request, const wire::Frame& frame) const {
  if (!frame.header.has(wire::flags::end)) {
    return Status(reasons.not_a_stream,
                  "this method takes one message; set the end flag on the request");
  }
  if (frame.header.hop > 0 && !trusts_hop()) {
    return Status(reasons.hop_not_allowed, "hop data comes from a proxy only");
  }
  if (!parse(request.metadata, frame.meta()) || !parse(request.hop, frame.hop())) {
    return Status(reasons.bad_metadata, "the metadata cannot be parsed");
  }
  const std::size_t key_bytes = request.metadata.idempotency_key().size();
  if (request.entry.traits.mutating() && key_bytes != idempotency_key_bytes) {
    return Status(reasons.idempotency_key,
                  "this method needs an idempotency key of 32 random bytes");
  }
  const auto left = frame.header.value == 0
                        ? options_.default_deadline
                        : Clock::duration(std::chrono::milliseconds(frame.header.value));
  request.deadline = request.began + left;
  return std::nullopt;
}

task<> Session::serve(std::unique_ptr<Request> request) {
  Reply reply;
  try {
    request->expiry.set(request->deadline);
    if (request->hop.client_address().empty()) {
      request->hop.set_client_address(connection_.stream().remote().to_string());
    }
    Call call{.runtime = runtime_,
              .method = request->entry.traits.id,
              .message = request->message,
              .token = request->metadata.token(),
              .idempotency_key = request->metadata.idempotency_key(),
              .client_address = request->hop.client_address(),
              .request_id = request->request_id,
              .deadline = request->deadline,
              .peer = peer_};
    request->call = &call;
    const boost::scope::scope_exit ended([&] { request->call = nullptr; });
    reply = co_await request->entry.handler(call);
  } catch (...) {
    // Where the connection has ended nobody looks for this request any more. Else it is on the
    // multiplexer, which must have an answer, also to operation_aborted from something else.
    if (scope().cancelled()) throw;
    runtime_.report_failure(
        fmt::format("{}, request {}", request->entry.traits.name, request->request_id),
        std::current_exception());
    reply = Reply::refuse({reasons.bug, "an unexpected error; it was logged"});
  }
  request->answer(std::move(reply));
}

void Session::on_refused(const wire::Frame&, Status& why) {
  why.request_id = make_request_id(runtime_.random());
}

void Session::refuse(std::uint32_t stream, Status why) {
  why.request_id = make_request_id(runtime_.random());
  connection_.multiplexer().reply(stream, Reply::refuse(std::move(why)));
  connection_.flush();
}

bool Session::trusts_hop() const {
  return peer_.role == "proxy" || (options_.trust_hop_without_certificate && peer_.role.empty());
}

void Session::drain(Deadline deadline) {
  if (!connection_.open()) return;
  connection_.multiplexer().goaway({});
  connection_.flush();
  // Of the connection's own scope: it may break before the requests have ended.
  scope().spawn("drain", close_when_answered(deadline));
}

task<> Session::close_when_answered(Deadline deadline) {
  while (connection_.open() && connection_.multiplexer().incoming() > 0) {
    const bool notified = co_await changed_.wait(deadline);
    if (!notified) break;
  }
  connection_.close({});
}

void Session::on_cancel(std::uint32_t stream, Multiplexer::Tag tag) {
  Status cancelled(reasons.cancelled, "the caller cancelled");
  if (tag == 0) {
    refuse(stream, std::move(cancelled));
  } else {
    Request& request = *reinterpret_cast<Request*>(tag);
    assert(request.stream == stream);
    request.give_up(std::move(cancelled));
  }
}

}  // namespace babilu::rpc
