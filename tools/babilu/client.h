#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "core/config/schema.h"
#include "core/rpc/typed.h"

namespace babilu::cli {

/// How a person or a script reaches a stack.
struct ClientConfig {
  std::string target = "127.0.0.1:7400";
  /// What `babilu certificates init` makes, from where it was run.
  std::filesystem::path ca = "certificates/ca.pem";
  bool plaintext = false;
  std::chrono::nanoseconds deadline = std::chrono::seconds(10);
  bool json = false;
};

void bind(config::Schema& schema, ClientConfig& config);

/// One call over a connection of its own, and what became of it. Gives up at the first attempt that
/// cannot connect: whoever asked is waiting. Blocks, `config.deadline` at most.
rpc::Reply call(const ClientConfig& config, const rpc::MethodTraits& method, ByteView message,
                ByteView token);

template <class Service, class Request, class Answer>
rpc::Outcome<Answer> call(const ClientConfig& config,
                          const rpc::Method<Service, Request, Answer>& method,
                          const Request& request, ByteView token = {}) {
  rpc::Reply reply = call(config, method.traits, rpc::encode(request), token);
  if (!reply.status.ok()) return std::move(reply.status);
  Answer answer;
  if (!rpc::decode(reply.message, answer)) {
    return rpc::Status(rpc::reasons.bad_reply, "the reply cannot be parsed");
  }
  return answer;
}

}  // namespace babilu::cli
