#pragma once

#include "core/rpc/channel.h"
#include "core/rpc/service.h"

namespace google::protobuf {
class MessageLite;
}

namespace babilu::rpc {

/// One method of a service: its traits and the types of its messages. roles/api has a constexpr
/// table of these for each service.
template <class Service, class Request, class Answer>
struct Method {
  MethodTraits traits;
};

/// Serialised, and back (false when the bytes are not such a message).
Bytes encode(const google::protobuf::MessageLite& message);
bool decode(ByteView bytes, google::protobuf::MessageLite& message);

/// A message that is serialised already: a handler that has it so gives it so.
template <class Message>
struct Encoded {
  Bytes bytes;
};

/// Calls the methods of one service, and of no other, through a channel.
///
///     Client<api::Registry> registry(channel);
///     auto account = co_await registry.call(api::Registry::sign_up, request, {.deadline = …});
template <class Service>
class Client {
 public:
  explicit Client(Channel& channel) noexcept : channel_(channel) {}

  template <class Request, class Answer>
  task<Outcome<Answer>> call(const Method<Service, Request, Answer>& method, const Request& request,
                             CallOptions options) {
    const Bytes message = encode(request);
    Reply reply = co_await channel_.call(method.traits, message, options);
    if (!reply.status.ok()) co_return std::move(reply.status);
    Answer answer;
    if (!decode(reply.message, answer)) {
      co_return Status(reasons.bad_reply, "the reply cannot be parsed");
    }
    co_return answer;
  }

 private:
  Channel& channel_;
};

namespace detail {

template <class Answer>
Bytes bytes_to_send(const Answer& answer) {
  return encode(answer);
}
template <class Answer>
Bytes bytes_to_send(Encoded<Answer>& answer) {
  return std::move(answer.bytes);
}

template <class Object, class Request, class Answer>
task<Reply> dispatch(Object* object, task<Outcome<Answer>> (Object::*handle)(Call&, const Request&),
                     Call& call) {
  Request request;
  if (!decode(call.message, request)) {
    co_return Reply::refuse({reasons.bad_message,
                             "the message cannot be parsed; see roles/api for its definition, and "
                             "mind that texts are UTF-8"});
  }
  Outcome<Answer> answer = co_await (object->*handle)(call, request);
  if (!answer) co_return Reply::refuse(answer.error());
  co_return Reply::of(bytes_to_send(*answer));
}

}  // namespace detail

/// Lets a member function serve a method. `object` must outlive the table.
template <class Object, class Service, class Request, class Answer>
void add(ServiceTable& table, const Method<Service, Request, Answer>& method, Object* object,
         task<Outcome<Answer>> (Object::*handle)(Call&, const Request&)) {
  table.add(method.traits, [object, handle](Call& call) {
    return detail::dispatch<Object, Request, Answer>(object, handle, call);
  });
}
template <class Object, class Service, class Request, class Answer>
void add(ServiceTable& table, const Method<Service, Request, Answer>& method, Object* object,
         task<Outcome<Encoded<Answer>>> (Object::*handle)(Call&, const Request&)) {
  table.add(method.traits, [object, handle](Call& call) {
    return detail::dispatch<Object, Request, Encoded<Answer>>(object, handle, call);
  });
}

}  // namespace babilu::rpc
