#pragma once

#include <memory>

#include "core/admin/http.h"
#include "core/base/bytes.h"

namespace babilu::admin {

/// One HTTP/1 request from bytes, without I/O: RFC 9112, by Beast's parser, with the framing that
/// it lets through and that servers must refuse refused here.
class RequestReader {
 public:
  enum class State {
    head,      ///< the header is not complete
    body,      ///< the header is, the body is not
    complete,  ///< request() may be answered
    failed,    ///< failure() is the answer, and the end of the connection
  };

  explicit RequestReader(const HttpLimits& limits, net::Address remote);
  ~RequestReader();

  /// Takes what it can use from the front of `bytes` and says how much; zero when it needs more.
  std::size_t put(ByteView bytes);
  /// Gives the request up: too slow, ended early. Does nothing once it is complete.
  void fail(unsigned status, std::string why);

  State state() const noexcept { return state_; }
  /// From state body on.
  const Request& request() const noexcept { return request_; }
  /// The client waits for a 100 before it sends the body (RFC 9110 §10.1.1).
  bool expects_continue() const noexcept;
  /// The client wants to send another request on this connection.
  bool keep_alive() const noexcept;
  const Response& failure() const noexcept { return failure_; }

 private:
  struct Parser;
  void finish_head();
  bool check_framing();
  bool check_target();

  std::unique_ptr<Parser> parser_;
  State state_ = State::head;
  Request request_;
  Response failure_;
};

}  // namespace babilu::admin
