#pragma once

#include "core/admin/request_reader.h"
#include "core/admin/response_writer.h"
#include "core/net/waiting_room.h"

namespace babilu {
class Runtime;
}

namespace babilu::admin {

/// One client's HTTP/1 connection: one request after the other, each answered before the next is
/// looked at. Every wait has a deadline. It holds a place in the waiting room, as all that it ever
/// waits for is the client. Owner: the Admin. Thread: the Runtime's.
class Connection {
 public:
  Connection(Runtime& runtime, net::StreamPtr stream, const HttpLimits& limits,
             Responder& responder, net::WaitingRoom& room);

  /// Serves until either side has had enough. Cancellation ends it at once.
  task<> run();

 private:
  enum class Next { request, linger, end };

  task<Next> serve_request();
  /// Waits for a request to begin; false when none does.
  task<bool> first_byte();
  /// Throws empty lines away that come before a request, and says how many bytes that were.
  std::size_t skip_empty_lines();
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
  net::Guest guest_;
  Secret input_;           // received and not yet parsed; may hold the token
  bool answered_ = false;  // one request at least
};

/// Says goodbye in order: ends our direction, then reads on for a moment, so that an answer is not
/// lost to the reset that unread input would cause (RFC 9112 §9.6).
task<> linger(Runtime& runtime, net::Stream& stream, Deadline deadline);

}  // namespace babilu::admin
