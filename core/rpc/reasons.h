#pragma once

#include "core/rpc/reason.h"

namespace babilu::rpc {

/// Reasons that any connection may have.
struct Reasons : ReasonTable {
  // Violations, and time limits of a connection.
  Reason bad_frame = in_goaway(Code::invalid_argument, "bad_frame",
                               "a header that cannot be: too large, of unknown kind, with flags "
                               "or a stream that its kind does not have, or inconsistent sizes");
  Reason hello_expected = in_goaway(Code::invalid_argument, "hello_expected",
                                    "something came before the sender's hello");
  Reason second_hello =
      in_goaway(Code::invalid_argument, "second_hello", "hello was sent once more");
  Reason bad_hello = in_goaway(Code::invalid_argument, "bad_hello",
                               "the message of the hello is no `babilu.wire.Hello`");
  Reason credit_too_small = in_goaway(Code::invalid_argument, "credit_too_small",
                                      "`Hello.initial_credit` is below 65,536");
  Reason frame_limit_too_small = in_goaway(Code::invalid_argument, "frame_limit_too_small",
                                           "`Hello.frame_limit` is below 1,024");
  Reason no_common_version = in_goaway(Code::failed_precondition, "no_common_version",
                                       "no version of the hello is spoken here");
  Reason wrong_parity = in_goaway(Code::invalid_argument, "wrong_parity",
                                  "a request on a stream number of the other side's");
  Reason stream_in_use = in_goaway(Code::invalid_argument, "stream_in_use",
                                   "a request on a stream that has no reply yet");
  Reason unknown_stream =
      in_goaway(Code::invalid_argument, "unknown_stream", "a reply to no request");
  Reason no_hello =
      in_goaway(Code::deadline_exceeded, "no_hello", "the hello did not come in time");
  Reason frame_too_slow = in_goaway(Code::deadline_exceeded, "frame_too_slow",
                                    "a frame that had begun did not come in time");

  // Replies.
  Reason draining = in_reply(Code::unavailable, "draining",
                             "this side has said goaway; send it again on another connection");
  Reason too_many_streams = in_reply(Code::resource_exhausted, "too_many_streams",
                                     "more unanswered requests than `Hello.streams_limit` allows");
  Reason reply_too_large = in_reply(Code::resource_exhausted, "reply_too_large",
                                    "done, but the reply is larger than the receiver takes");
  Reason request_too_large =
      in_reply(Code::invalid_argument, "request_too_large",
               "the request with its hop data is larger than a backend takes; send large inputs "
               "in parts");
  Reason unknown_method = in_reply(Code::unimplemented, "unknown_method",
                                   "the service is offered, but has no such method");
  Reason not_a_stream = in_reply(Code::invalid_argument, "not_a_stream",
                                 "the method takes one message, and the request lacks the flag "
                                 "`end`");
  Reason hop_not_allowed = in_reply(Code::permission_denied, "hop_not_allowed",
                                    "hop data from somebody who is no proxy");
  Reason bad_metadata = in_reply(Code::invalid_argument, "bad_metadata",
                                 "the metadata or the hop data cannot be parsed");
  Reason idempotency_key = in_reply(Code::invalid_argument, "idempotency_key",
                                    "a mutating method without an idempotency key of 32 bytes");
  Reason bad_message = in_reply(Code::invalid_argument, "bad_message",
                                "the message cannot be parsed as the method's request; also a "
                                "string that is not UTF-8");
  Reason deadline = in_reply(Code::deadline_exceeded, "deadline",
                             "the time for the request is up; it may have been done");
  Reason cancelled = in_reply(Code::cancelled, "cancelled",
                              "the caller cancelled; the request may have been done");
  Reason bug = in_reply(Code::internal, "bug",
                        "an unexpected error; the log of the process tells it by the request's id");
  Reason bad_reply = in_reply(Code::internal, "bad_reply",
                              "a reply that cannot be parsed as the method's, received or kept");

  // What this end says of a connection that it has no more, or not yet.
  Reason connection_lost = local(Code::unavailable, "connection_lost",
                                 "the connection ended before the reply; the request may have been "
                                 "done");
  Reason no_pong =
      local(Code::unavailable, "no_pong", "the other side did not answer whether it is there");
  Reason not_accepting = local(Code::unavailable, "not_accepting",
                               "the other side takes no requests now; nothing was sent");
  Reason not_connected = local(Code::unavailable, "not_connected", "no connection was made yet");
  Reason cannot_connect = local(Code::unavailable, "cannot_connect", "no connection can be made");
  Reason closed = local(Code::cancelled, "closed", "this end closed the connection");
  Reason internal = local(Code::internal, "internal", "this end of the connection failed");
};
inline constexpr Reasons reasons;

}  // namespace babilu::rpc
