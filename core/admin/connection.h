#pragma once

#include "core/admin/request_reader.h"
#include "core/admin/response_writer.h"
#include "core/net/stream.h"

namespace babilu {
class Runtime;
}

namespace babilu::admin {

/// One client's HTTP/1 connection: one request after the other, each answered before the next is
/// looked at. Every wait has a deadline. Owner: the Admin. Thread: the Runtime's.
class Connection {
 public:
  Connection(Runtime& runtime, net::StreamPtr stream, const HttpLimits& limits,
             Responder& responder);

  /// Serves until either side has had enough. Cancellation ends it at once.
  task<> run();
  /// Ends run(), as from the other side.
  void close() noexcept {
    idle_ = false;
    stream_->close();
  }

  /// Between requests: nobody loses anything when it is closed now.
  bool idle() const noexcept { return idle_; }
  Clock::time_point idle_since() const noexcept { return idle_since_; }

 private:
  enum class Next { request, linger, end };

  task<Next> serve_request();
  task<bool> first_byte();
  /// Feeds the reader until it has left `state`; false when the stream ended or failed.
  task<bool> read_past(RequestReader& reader, RequestReader::State state, Deadline deadline);
  task<error_code> receive(Deadline deadline);
  task<Response> respond(RequestReader& reader);
  task<bool> send(Response response, const RequestReader& reader, bool keep_alive);
  task<> linger();

  Runtime& runtime_;
  net::StreamPtr stream_;
  const HttpLimits& limits_;
  Responder& responder_;
  Secret input_;  // received and not yet parsed; may hold the token
  bool idle_ = true;
  Clock::time_point idle_since_;
};

/// Says goodbye in order: ends our direction, then reads on for a moment, so that an answer is not
/// lost to the reset that unread input would cause (RFC 9112 §9.6).
task<> linger(Runtime& runtime, net::Stream& stream, Deadline deadline);

}  // namespace babilu::admin
