#include "core/admin/connection.h"

#include <boost/asio/error.hpp>

#include "core/crypto/secret.h"
#include "core/runtime/runtime.h"

namespace babilu::admin {

namespace {

constexpr std::size_t read_size = 4096;
/// What a client may go on sending that is thrown away while the connection closes.
constexpr std::size_t linger_bytes = 256 * 1024;

constexpr std::string_view empty_line = "\r\n";

/// Whether there is more than what may become an empty line.
bool has_begun(ByteView input) {
  return !empty_line.starts_with(text_of(input));
}

}  // namespace

Connection::Connection(Runtime& runtime, net::StreamPtr stream, const HttpLimits& limits,
                       Responder& responder, net::WaitingRoom& room)
    : runtime_(runtime),
      stream_(std::move(stream)),
      limits_(limits),
      responder_(responder),
      guest_(room, *stream_) {}

task<> Connection::run() {
  Next next = Next::request;
  while (next == Next::request) {
    next = co_await serve_request();
    // Requests that came all at once must not keep the Runtime to themselves.
    if (next == Next::request) co_await runtime_.yield();
  }
  guest_.wait();
  if (next == Next::linger) {
    co_await admin::linger(runtime_, *stream_, runtime_.now() + limits_.linger_time);
  }
  stream_->close();
}

task<Connection::Next> Connection::serve_request() {
  if (!co_await first_byte()) co_return Next::end;
  RequestReader reader(limits_, stream_->remote());
  const Deadline head_deadline = runtime_.now() + limits_.head_time;
  if (!co_await read_past(reader, RequestReader::State::head, head_deadline)) co_return Next::end;

  Response response = co_await respond(reader);
  const bool unread = reader.state() != RequestReader::State::complete;
  const bool keep_alive = reader.keep_alive() && !response.close && !unread;
  if (!co_await send(std::move(response), reader, keep_alive)) co_return Next::end;
  answered_ = true;
  co_return keep_alive ? Next::request : Next::linger;
}

task<bool> Connection::first_byte() {
  std::size_t skipped = skip_empty_lines();
  if (has_begun(input_)) co_return true;
  if (answered_) guest_.wait();
  const Deadline deadline = runtime_.now() + limits_.idle_time;
  while (!has_begun(input_)) {
    if (input_.empty()) input_ = Secret();  // an idle connection keeps no buffer
    const error_code error = co_await receive(deadline);
    if (error) co_return false;
    skipped += skip_empty_lines();
    if (skipped > limits_.header) co_return false;
  }
  // The first request was waited for from the beginning.
  if (answered_) guest_.wait();
  co_return true;
}

/// Some clients send one after a body, which is not part of it (RFC 9112 §2.2).
std::size_t Connection::skip_empty_lines() {
  std::size_t size = 0;
  while (text_of(input_).substr(size).starts_with(empty_line)) size += empty_line.size();
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
  return size;
}

task<bool> Connection::read_past(RequestReader& reader, RequestReader::State state,
                                 Deadline deadline) {
  for (;;) {
    std::size_t taken = 0;
    do {
      taken = reader.put(input_);
      input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(taken));
    } while (taken != 0 && reader.state() == state);
    if (reader.state() != state) co_return true;
    // Only a chunk's header can be longer than what the reader itself bounds.
    if (input_.size() > limits_.header) {
      reader.fail(400, "a chunk of the body is malformed");
      co_return true;
    }
    const error_code error = co_await receive(deadline);
    if (error == boost::asio::error::timed_out) {
      reader.fail(408, "the request took too long to arrive");
    } else if (error == boost::asio::error::eof) {
      reader.fail(400, "the request ended early");
    } else if (error) {
      co_return false;
    }
  }
}

task<error_code> Connection::receive(Deadline deadline) {
  for (;;) {
    const std::size_t before = input_.size();
    input_.resize(before + read_size);
    const net::Transfer got = stream_->read_some(MutableByteView(input_).subspan(before));
    input_.resize(before + got.bytes);
    if (got.bytes > 0) co_return error_code{};
    if (got.error != boost::asio::error::would_block) co_return got.error;
    if (before == 0) input_ = Secret();
    const error_code error = co_await stream_->readable(deadline);
    if (error) co_return error;
  }
}

task<Response> Connection::respond(RequestReader& reader) {
  if (reader.state() == RequestReader::State::failed) co_return reader.failure();
  if (auto refusal = responder_.refuse(reader.request())) co_return std::move(*refusal);
  if (reader.state() == RequestReader::State::body) {
    const Deadline deadline = runtime_.now() + limits_.body_time;
    if (reader.expects_continue() && input_.empty()) {
      co_await net::write_all(*stream_, continue_bytes(), deadline);
    }
    const bool read = co_await read_past(reader, RequestReader::State::body, deadline);
    if (!read) co_return Response{.status = 400, .close = true};
    if (reader.state() == RequestReader::State::failed) co_return reader.failure();
  }
  co_return responder_.answer(reader.request());
}

task<bool> Connection::send(Response response, const RequestReader& reader, bool keep_alive) {
  const Request& request = reader.request();
  const Bytes bytes = to_bytes(std::move(response), {.version = request.version,
                                                     .head_only = request.head_only,
                                                     .keep_alive = keep_alive,
                                                     .date = runtime_.clock().wall()});
  const Deadline deadline = runtime_.now() + limits_.write_time;
  const error_code error = co_await net::write_all(*stream_, bytes, deadline);
  co_return !error;
}

task<> linger(Runtime& runtime, net::Stream& stream, Deadline deadline) {
  stream.shutdown();
  std::size_t budget = linger_bytes;
  for (;;) {
    const MutableByteView scratch = runtime.scratch();
    const net::Transfer got = stream.read_some(scratch);
    // What is thrown away may hold a token all the same.
    crypto::wipe(scratch.first(got.bytes));
    if (got.bytes >= budget) co_return;
    budget -= got.bytes;
    if (got.error && got.error != boost::asio::error::would_block) co_return;
    if (got.error && co_await stream.readable(deadline)) co_return;
  }
}

}  // namespace babilu::admin
